/** Shells that mcpctl can be completed in. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const

export type Shell = (typeof SHELLS)[number]

/**
 * The scripts know no command and no flag: they hand what was typed to `mcpctl completion words` and show what it says, so
 * they fit every version. A line is a word and, behind a tab, what it means; a line that begins with a colon is a
 * sign: `:files` (offer files as well), `:nospace` (the word goes on).
 */
const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: String.raw`# bash completion for mcpctl.   source <(mcpctl completion bash)
_mcpctl() {
  local line part glue='' cur='' typed=() i
  # readline splits at "=" and ":" too: what belongs to one word is put together again.
  for ((i = 1; i <= COMP_CWORD; i++)); do
    part=\${COMP_WORDS[i]}
    if [[ \${#typed[@]} -gt 0 && ( -n $glue || $part == [=:]* ) && $COMP_LINE == *"\${typed[\${#typed[@]}-1]}$part"* ]]; then
      typed[\${#typed[@]}-1]+=$part
    else
      typed+=("$part")
    fi
    glue=''
    [[ $part == *[=:] ]] && glue=1
  done
  cur=\${typed[\${#typed[@]}-1]}
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files)
        while IFS= read -r part; do COMPREPLY+=("$part"); done < <(compgen -f -- "\${cur#*=}")
        type compopt >/dev/null 2>&1 && compopt -o filenames 2>/dev/null
        ;;
      :nospace) type compopt >/dev/null 2>&1 && compopt -o nospace 2>/dev/null ;;
      *)
        line=\${line%%$'\t'*}
        # Of a word that readline split, only the last part is replaced.
        [[ $cur == *[=:]* ]] && line=\${line#"\${cur%"\${cur##*[=:]}"}"}
        COMPREPLY+=("$line")
        ;;
    esac
  done < <("\${COMP_WORDS[0]}" completion words -- "\${typed[@]}" 2>/dev/null)
}
complete -F _mcpctl mcpctl`,
  zsh: String.raw`#compdef mcpctl
# zsh completion for mcpctl.   source <(mcpctl completion zsh)
_mcpctl() {
  local line word
  local -a typed names shown ending
  typed=("\${(@Q)words[2,CURRENT]}")
  while IFS= read -r line; do
    case $line in
      :files) _files ;;
      :nospace) ending=(-S '') ;;
      *)
        word=\${line%%$'\t'*}
        names+=("$word")
        [[ $line == *$'\t'* ]] && shown+=("$word  -- \${line#*$'\t'}") || shown+=("$word")
        ;;
    esac
  done < <("\${(Q)words[1]}" completion words -- "\${(@)typed}" 2>/dev/null)
  (( \${#names} )) && compadd -l -d shown "\${(@)ending}" -a names
}
if [[ \${funcstack[1]} == _mcpctl ]]; then
  _mcpctl "$@"
else
  (( \${+functions[compdef]} )) || { autoload -Uz compinit && compinit }
  compdef _mcpctl mcpctl
fi`,
  fish: String.raw`# fish completion for mcpctl.   mcpctl completion fish | source
function __mcpctl_words
    set -l typed (commandline -opc)
    set -l program $typed[1]
    set -e typed[1]
    set -l current (commandline -ct)
    for line in ($program completion words -- $typed "$current" 2>/dev/null)
        switch $line
            case :files
                __fish_complete_path "$current"
            case ':*'
            case '*'
                echo $line
        end
    end
end
complete -c mcpctl -e
complete -c mcpctl -f -a '(__mcpctl_words)'`,
}

/** The script to load in a shell. */
export function completionScript(shell: Shell): string {
  return SCRIPTS[shell].replaceAll(String.raw`\$`, '$')
}
