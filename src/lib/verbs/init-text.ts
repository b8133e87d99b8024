import { homedir } from 'node:os'
import { sep } from 'node:path'
import { MASK } from '../base/index.js'
import type { Io } from '../cli/index.js'

/** A path for people: the home folder is ~. */
export function shortPath(path: string, io: Io): string {
  const home = io.env['HOME'] || homedir()
  return path === home || path.startsWith(home + sep) ? `~${path.slice(home.length)}` : path
}

/** Hides these secrets, as they are and as JSON has them; references to them stay readable. Too short ones are left: they stand in too many texts by chance. */
export function createHide(secrets: readonly string[]): (text: string) => string {
  const forms = [...new Set(secrets.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)]))].filter((form) => form.length >= 4).sort((a, b) => b.length - a.length)
  return (text) => forms.reduce((rest, form) => rest.replaceAll(form, MASK), text)
}

/** "a", "a and b", "a, b and c". */
export function enumerate(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}

/** "1 server", "2 servers". */
export function countOf(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`
}
