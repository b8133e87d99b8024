import type { Style } from '../../cli/index.js'

/** How a piece of text looks. `selected`: the row under the cursor; `alarm`: what a person must not miss. */
export type Tone = Style | 'plain' | 'selected' | 'alarm'

/** SGR parameters (ECMA-48, 8.3.117) of every tone; empty: nothing but the reset. */
export type Tones = Readonly<Record<Tone, string>>

const COLORED: Tones = {
  plain: '', bold: '1', dim: '2', red: '31', green: '32', yellow: '33', blue: '34', magenta: '35', cyan: '36', selected: '7', alarm: '1;31',
}

/** Bold and reverse only: what NO_COLOR leaves. */
const COLORLESS: Tones = {
  plain: '', bold: '1', dim: '', red: '1', green: '', yellow: '1', blue: '', magenta: '', cyan: '', selected: '7', alarm: '1;7',
}

/** Only the sixteen terminal colours, so that the person's own theme decides what they are. */
export function createTones(color: boolean): Tones {
  return color ? COLORED : COLORLESS
}
