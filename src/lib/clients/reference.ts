import { basename, sep } from 'node:path'

/** What a text is translated for, and what was found out on the way. */
export interface Translation {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The project the text belongs to; null: none. */
  readonly project: string | null
  /** The folder of the configuration that is written. */
  readonly folder: string
  /** VS Code: what `${input:ID}` asks for, by id. */
  readonly inputs: ReadonlyMap<string, string>
  /** Gemini CLI: `$VAR` and, on Windows, `%VAR%` are references too. */
  readonly expandsDollar: boolean
  readonly notes: Set<string>
  /** Variables that are needed and not set. */
  readonly missing: Set<string>
  /** References that nothing here can replace. */
  readonly unknown: Set<string>
}

const VARIABLE = /^(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/

/**
 * A text of a client in mcpctl's language of references (docs/configuration.md): references stay references, values are
 * never put in their place; folders that mean something else here become paths. Records notes and unset variables.
 */
export function translateText(text: string, translation: Translation): string {
  let result = ''
  let index = 0
  for (let at = text.indexOf('${'); at >= 0; at = text.indexOf('${', index)) {
    const end = endOf(text, at + 2)
    result += plain(text.slice(index, at), translation)
    if (end < 0) {
      // No reference at all: in our language the two characters have to be escaped.
      result += '$${'
      index = at + 2
    } else {
      result += translateReference(text.slice(at + 2, end), translation)
      index = end + 1
    }
  }
  return result + plain(text.slice(index), translation)
}

function endOf(text: string, from: number): number {
  let depth = 1
  for (let index = from; index < text.length; index++) {
    if (text[index] === '{') depth++
    else if (text[index] === '}' && --depth === 0) return index
  }
  return -1
}

function plain(text: string, translation: Translation): string {
  if (!translation.expandsDollar) return text
  return text.replace(/\$([A-Za-z_][A-Za-z0-9_]*)|%([A-Za-z_][A-Za-z0-9_]*)%/g, (whole, dollar: string | undefined, percent: string | undefined) => {
    const name = dollar ?? percent
    // A percent sign is common in plain text: only a variable that is there was meant.
    if (name === undefined || (dollar === undefined && translation.env[name] === undefined)) return whole
    return variable(name, undefined, translation)
  })
}

function translateReference(body: string, translation: Translation): string {
  const { project, folder, notes, unknown } = translation
  const input = /^input:(.+)$/.exec(body)?.[1]
  if (input !== undefined) return translateInput(input, translation)
  if (/^(?:workspaceFolder|workspaceRoot|CLAUDE_PROJECT_DIR)(?::.*)?$/s.test(body)) {
    if (project !== null && project !== folder) return project
    if (project === null) notes.add(`\${${body.split(':')[0]}} means the folder of the configuration here, not the one open in the client`)
    return '${workspaceFolder}'
  }
  if (body === 'workspaceFolderBasename') return basename(project ?? folder)
  if (body === 'userHome') return '${userHome}'
  if (body === 'pathSeparator' || body === '/') return sep
  const match = VARIABLE.exec(body)
  if (match) return variable(match[1] ?? '', match[2], translation)
  const odd = /^env:([^:${}=]+)$/.exec(body)
  if (odd) return variable(body, undefined, translation)
  unknown.add(`\${${body.slice(0, 60)}}`)
  return `$\${${body}}`
}

/** VS Code asks for it and keeps it; a daemon can ask nobody, so it becomes a variable. */
function translateInput(id: string, translation: Translation): string {
  const name = id.replaceAll(/[^A-Za-z0-9]+/g, '_').replace(/^(?=[0-9])/, '_').toUpperCase()
  const about = translation.inputs.get(id)
  translation.notes.add(`asks for "${id}"${about === undefined ? '' : ` (${about})`} in VS Code; here it comes from the variable ${name}`)
  return variable(name, undefined, translation)
}

function variable(name: string, fallback: string | undefined, translation: Translation): string {
  const plainName = name.replace(/^env:/, '')
  if (fallback === undefined && translation.env[plainName] === undefined) translation.missing.add(plainName)
  return fallback === undefined ? `\${${name}}` : `\${${name}:-${translateText(fallback, translation)}}`
}
