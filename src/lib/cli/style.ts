import { spellHidden } from '../base/index.js'

const CODES = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39], blue: [34, 39], magenta: [35, 39], cyan: [36, 39] } as const

export type Style = keyof typeof CODES
export type Paint = (style: Style, text: string) => string

/** A painter for a stream: the text as it is where colour is off. Only the sixteen terminal colours. */
export function createPaint(color: boolean): Paint {
  return (style, text) => (color ? `\u001B[${CODES[style][0]}m${text}\u001B[${CODES[style][1]}m` : text)
}

/** Text from a server, harmless on a terminal: control characters (all but tab) and what else nobody sees become visible escapes. */
export function neutralise(text: string): string {
  // eslint-disable-next-line no-control-regex
  return spellHidden(text.replace(/[\u0000-\u0008\u000A-\u001F\u007F-\u009F]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`))
}
