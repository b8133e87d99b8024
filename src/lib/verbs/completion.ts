import { defineVerb, type Io } from '../cli/index.js'
import { nearest } from '../base/index.js'
import { McpctlError } from '../errors/index.js'
import { findCommand, nextCommandWords, planArguments, renderWords, type Plan, type Word } from './completion-plan.js'
import { completionScript, SHELLS, type Shell } from './completion-script.js'

export const completion = defineVerb({
  id: 'completion',
  summary: 'Print a script that completes mcpctl in bash, zsh or fish.',
  description:
    'The script completes commands, flags and their values, the names of servers as they are now, and for call also tools and their arguments. Load it from the start file of the shell: "source <(mcpctl completion bash)" in ~/.bashrc, "source <(mcpctl completion zsh)" in ~/.zshrc, "mcpctl completion fish | source" in ~/.config/fish/config.fish. It asks "mcpctl completion words -- WORD..." for what fits as the last word: one a line, its meaning behind a tab, signs for the shell behind a colon.',
  examples: ['completion bash', 'completion zsh > ~/.zfunc/_mcpctl', 'completion words -- logs da'],
  names: { summary: `${SHELLS.join(', ')}; or words, and the words typed so far.`, required: true, usage: 'SHELL | words -- WORD...', complete: 'shells' },
  flags: {},
  run: async ({ names: [what = '', ...typed] }, io) => {
    if (what === 'words') {
      const lines = await completeWords(typed.length === 0 ? [''] : typed, io)
      if (!io.json && lines.length > 0) io.out(lines.join('\n'))
      return { json: { lines } }
    }
    const shell = SHELLS.find((known) => known === what)
    if (shell === undefined || typed.length > 0) throw unknownShell(shell === undefined ? what : (typed[0] ?? ''))
    const script = completionScript(shell satisfies Shell)
    if (!io.json) io.out(script)
    return { json: { shell, script } }
  },
})

function unknownShell(name: string): McpctlError {
  const close = nearest(name, SHELLS)
  return new McpctlError('USAGE', `completion knows no shell ${JSON.stringify(name)}`, { hint: close.length > 0 ? `Did you mean ${close.join(' or ')}?` : `It is one of ${SHELLS.join(', ')}.`, details: { shell: name, suggestions: close } })
}

/** What fits as the last of the typed words, one a line. */
async function completeWords(typed: readonly string[], io: Io): Promise<string[]> {
  const { VERBS } = await import('./registry.js')
  const found = findCommand(typed, Object.keys(VERBS))
  if (found === null) return commandLines(typed)
  const verb = await VERBS[found.id]?.()
  return verb === undefined ? [] : answer(planArguments(verb, typed.slice(found.length)), io)
}

async function commandLines(typed: readonly string[]): Promise<string[]> {
  const { VERBS } = await import('./registry.js')
  const isHelp = typed[0] === 'help' && typed.length > 1
  const words = isHelp ? typed.slice(1) : typed
  // Only what can still be meant is loaded: every verb that is costs the one who waits for this list.
  const begun = words.join(' ')
  const loaded = await Promise.all(Object.entries(VERBS).filter(([id]) => id.startsWith(begun)).map(async ([id, load]): Promise<[string, string | null]> => [id, (await load()).summary]))
  const ids = new Map<string, string | null>([...loaded, ...(isHelp ? [] : [['help', 'Explain a command.'] as const])])
  return renderWords(nextCommandWords(ids, words.slice(0, -1)), words.at(-1) ?? '')
}

async function answer(plan: Plan, io: Io): Promise<string[]> {
  switch (plan.type) {
    case 'files':
      return [':files']
    case 'words':
      return renderWords(plan.words, plan.begins)
    case 'names':
      return nameLines(plan, io)
  }
}

async function nameLines({ kind, before, begins, joined }: Extract<Plan, { type: 'names' }>, io: Io): Promise<string[]> {
  const source = await import('./completion-source.js')
  const isNew = ({ text }: Word): boolean => !before.includes(text)
  const glue = ({ text, about }: Word): Word => ({ text: joined + text, about })
  switch (kind) {
    case 'servers':
      return renderWords((await source.serverWords(io)).filter(isNew).map(glue), joined + begins)
    case 'clients':
      return renderWords((await source.clientWords()).filter(isNew), begins)
    case 'shells':
      return before.length > 0 ? [] : renderWords(SHELLS.map((text) => ({ text, about: null })), begins)
    case 'call': {
      const [server, tool, ...given] = before
      if (server === undefined) return renderWords(await source.serverWords(io), begins)
      if (tool === undefined) return renderWords(await source.toolWords(io, server), begins)
      const lines = renderWords(await source.argumentWords(io, server, tool, given), begins)
      return lines.length > 0 ? [...lines, ':nospace'] : []
    }
    default:
      return []
  }
}
