import type { Spot } from './spot.js'

/** What every possible name looks like; not all that look like it are possible. */
export const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/
const DEVICE = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)/i

/**
 * Records a problem when a name cannot be a server's: it becomes the name of files, on disks without case too.
 * `seen` collects the names of one file, by their lower case.
 */
export function checkServerName(name: string, spot: Spot, seen: Map<string, string>): void {
  const wrong = describeWrongName(name)
  const shown = name.length > 80 ? `${name.slice(0, 77)}...` : name
  if (wrong !== undefined) {
    spot.problem(`is not a possible server name: ${wrong}`, 'Use letters, digits, ".", "_" and "-", beginning with a letter or digit, at most 63 characters.', shown)
  }
  const twin = seen.get(name.toLowerCase())
  if (twin === undefined) seen.set(name.toLowerCase(), name)
  else spot.problem(`differs from ${JSON.stringify(twin.slice(0, 80))} only in case: their files would be the same on some disks`, 'Rename one of the two.', shown)
}

/** What keeps the text from being a name; undefined: nothing. */
export function describeWrongName(name: string): string | undefined {
  if (name === '') return 'it is empty'
  if (name.length > 63) return `it has ${name.length} characters`
  if (name.includes('..') || name.endsWith('.')) return 'dots may only stand between other characters'
  if (DEVICE.test(name)) return 'Windows reserves it for a device'
  if (NAME.test(name)) return undefined
  const bad = /[^A-Za-z0-9._-]/u.exec(name)?.[0]
  if (bad === undefined) return `it begins with "${name.charAt(0)}"`
  return /\s/.test(bad) ? 'it contains a space' : `it contains ${JSON.stringify(bad)}`
}
