import { StringDecoder } from 'node:string_decoder'

/**
 * A key as it is named here: a printable sign is itself; others are words: `up down left right home end pageup pagedown
 * insert delete enter tab backtab escape backspace`, `f1`..`f12`, `ctrl-a`..`ctrl-z`, `alt-x`.
 */
export type Key = string

const ESC = '\u001B'
/** Final letters of CSI and SS3 sequences (xterm's control sequences, "PC-style function keys"). */
const LETTERS: Readonly<Record<string, Key>> = { A: 'up', B: 'down', C: 'right', D: 'left', H: 'home', F: 'end', Z: 'backtab', P: 'f1', Q: 'f2', R: 'f3', S: 'f4', M: 'enter' }
/** First parameter of sequences that end with `~`. */
const NUMBERS: Readonly<Record<string, Key>> = {
  1: 'home', 2: 'insert', 3: 'delete', 4: 'end', 5: 'pageup', 6: 'pagedown', 7: 'home', 8: 'end',
  11: 'f1', 12: 'f2', 13: 'f3', 14: 'f4', 15: 'f5', 17: 'f6', 18: 'f7', 19: 'f8', 20: 'f9', 21: 'f10', 23: 'f11', 24: 'f12',
}
const PASTE_BEGIN = '200'
const PASTE_END = `${ESC}[201~`
/** A sequence that is longer is none. */
const LONGEST_SEQUENCE = 64

/**
 * Turns what a terminal sends into keys. Bytes may come in any pieces. What was pasted is dropped: letters of a text are
 * no commands. A lone escape cannot be told from the beginning of a sequence: call `flush` when nothing followed soon.
 */
export class KeyParser {
  readonly #decoder = new StringDecoder('utf8')
  #rest = ''
  #pasting = false

  push(chunk: Buffer): Key[] {
    this.#rest += this.#decoder.write(chunk)
    const keys: Key[] = []
    while (this.#rest !== '') {
      const taken = this.#pasting ? this.#skipPaste() : this.#take(keys)
      if (!taken) break
    }
    return keys
  }

  /** Whether something is held that only more input, or `flush`, can decide. */
  get isHolding(): boolean {
    return this.#rest !== '' || this.#pasting
  }

  get isPasting(): boolean {
    return this.#pasting
  }

  /** Nothing more came: what is held was an escape key, and a paste without an end is over. */
  flush(): Key[] {
    const keys: Key[] = this.#rest.startsWith(ESC) && !this.#pasting ? ['escape'] : []
    this.#rest = ''
    this.#pasting = false
    return keys
  }

  #skipPaste(): boolean {
    const end = this.#rest.indexOf(PASTE_END)
    // The end mark itself may come in two pieces.
    this.#rest = end === -1 ? this.#rest.slice(-(PASTE_END.length - 1)) : this.#rest.slice(end + PASTE_END.length)
    if (end === -1) return false
    this.#pasting = false
    return true
  }

  /** Takes one key off the front; false: more input is needed. */
  #take(keys: Key[]): boolean {
    if (!this.#rest.startsWith(ESC)) {
      const [sign = ''] = this.#rest
      this.#rest = this.#rest.slice(sign.length)
      const key = nameOf(sign)
      if (key !== null) keys.push(key)
      return true
    }
    if (this.#rest.length === 1) return false
    const kind = this.#rest[1]
    if (kind === '[') return this.#takeSequence(keys)
    if (kind === 'O') return this.#takeSingle(keys)
    if (kind === ESC) {
      this.#rest = this.#rest.slice(1)
      keys.push('escape')
      return true
    }
    const [sign = ''] = this.#rest.slice(1)
    this.#rest = this.#rest.slice(1 + sign.length)
    const key = nameOf(sign)
    if (key !== null) keys.push(`alt-${key}`)
    return true
  }

  /** ESC O letter. */
  #takeSingle(keys: Key[]): boolean {
    const letter = this.#rest[2]
    if (letter === undefined) return false
    this.#rest = this.#rest.slice(3)
    const key = LETTERS[letter]
    if (key !== undefined) keys.push(key)
    return true
  }

  /** ESC [ parameters final; modifiers are ignored, unknown sequences dropped. */
  #takeSequence(keys: Key[]): boolean {
    // eslint-disable-next-line no-control-regex
    const match = /^\u001B\[([\u0030-\u003F]*)[\u0020-\u002F]*([\u0040-\u007E])/.exec(this.#rest)
    if (match === null) return this.#dropBroken()
    const [whole, parameters = '', final = ''] = match
    this.#rest = this.#rest.slice(whole.length)
    const number = parameters.split(';')[0] ?? ''
    if (final === '~' && number === PASTE_BEGIN) this.#pasting = true
    const key = final === '~' ? NUMBERS[number] : final === 'M' ? undefined : LETTERS[final]
    if (key !== undefined) keys.push(key)
    return true
  }

  /** A sequence that is not whole yet is waited for; one that cannot become whole is dropped. */
  #dropBroken(): boolean {
    // eslint-disable-next-line no-control-regex
    if (/^\u001B\[[\u0020-\u003F]*$/.test(this.#rest) && this.#rest.length < LONGEST_SEQUENCE) return false
    // eslint-disable-next-line no-control-regex
    const broken = /^\u001B\[[\u0020-\u003F]*/.exec(this.#rest)?.[0].length ?? 1
    this.#rest = this.#rest.slice(broken)
    return true
  }
}

function nameOf(sign: string): Key | null {
  const code = sign.codePointAt(0) ?? 0
  if (sign === '\r' || sign === '\n') return 'enter'
  if (sign === '\t') return 'tab'
  if (code === 127 || code === 8) return 'backspace'
  if (code >= 1 && code <= 26) return `ctrl-${String.fromCharCode(code + 96)}`
  return code < 32 || (code >= 128 && code < 160) ? null : sign
}
