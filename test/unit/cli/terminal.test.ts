import type { WriteStream } from 'node:tty'
import { describe, expect, it } from 'vitest'
import { createPaint, neutralise, phaseMark, phaseStyle } from '../../../src/lib/cli/index.js'
import { describeTerminal } from '../../../src/lib/cli/terminal.js'

const TTY: Partial<WriteStream> = { isTTY: true, columns: 120 }
const PIPE: Partial<WriteStream> = {}

describe('an output stream', () => {
  it('that is a terminal is drawn on in colour, as wide as it is', () => {
    expect(describeTerminal(TTY, { TERM: 'xterm', LANG: 'en_US.UTF-8' })).toEqual({ interactive: true, color: true, columns: 120, unicode: true })
  })

  it('that is no terminal gets neither colour nor wrapping', () => {
    expect(describeTerminal(PIPE, { TERM: 'xterm', LANG: 'en_US.UTF-8' })).toEqual({ interactive: false, color: false, columns: Infinity, unicode: true })
  })

  it.each([
    ['NO_COLOR takes the colour and leaves the drawing', { NO_COLOR: '1' }, { interactive: true, color: false }],
    ['an empty NO_COLOR means nothing', { NO_COLOR: '' }, { interactive: true, color: true }],
    ['NO_COLOR wins over FORCE_COLOR', { NO_COLOR: '1', FORCE_COLOR: '1' }, { interactive: true, color: false }],
    ['TERM=dumb takes both', { TERM: 'dumb' }, { interactive: false, color: false }],
    ['TERM=dumb with FORCE_COLOR takes the drawing only', { TERM: 'dumb', FORCE_COLOR: '1' }, { interactive: false, color: true }],
  ])('on a terminal: %s', (_what, env, expected) => {
    expect(describeTerminal(TTY, { TERM: 'xterm', ...env })).toMatchObject(expected)
  })

  it.each([
    ['1', true],
    ['true', true],
    ['3', true],
    ['0', false],
    ['', false],
  ])('in a pipe FORCE_COLOR=%j: colour %s, never drawn on', (value, color) => {
    expect(describeTerminal(PIPE, { FORCE_COLOR: value })).toMatchObject({ interactive: false, color })
  })

  it('that does not know its width counts as 80 columns on a terminal', () => {
    expect(describeTerminal({ isTTY: true, columns: 0 }, { TERM: 'xterm' }).columns).toBe(80)
    expect(describeTerminal({ isTTY: true }, { TERM: 'xterm' }).columns).toBe(80)
  })

  it.skipIf(process.platform === 'darwin').each([
    [{ LANG: 'C.utf8' }, true],
    [{ LANG: 'C' }, false],
    [{}, false],
    [{ LANG: 'C', LC_CTYPE: 'de_DE.UTF-8' }, true],
    [{ LANG: 'de_DE.UTF-8', LC_ALL: 'POSIX' }, false],
    [{ LANG: 'de_DE.UTF-8', LC_ALL: '' }, true],
  ])('draws signs beyond ASCII where the locale has them: %j', (env, unicode) => {
    expect(describeTerminal(TTY, env).unicode).toBe(unicode)
  })
})

describe('a painter', () => {
  it('paints with the plain terminal colours and ends what it began', () => {
    expect(createPaint(true)('red', 'x')).toBe('\u001B[31mx\u001B[39m')
    expect(createPaint(true)('bold', 'x')).toBe('\u001B[1mx\u001B[22m')
  })

  it('leaves the text as it is where colour is off', () => {
    expect(createPaint(false)('red', 'x')).toBe('x')
  })
})

describe('text from a server', () => {
  it.each([
    ['\u001B[2J\u001B]0;title\u0007', '\\x1b[2J\\x1b]0;title\\x07'],
    ['a\r\nb', 'a\\x0d\\x0ab'],
    ['\u009B31m', '\\x9b31m'],
    ['\0\u007F', '\\x00\\x7f'],
  ])('cannot steer the terminal: %j', (text, shown) => {
    expect(neutralise(text)).toBe(shown)
  })

  it('keeps tabs, accents and signs', () => {
    expect(neutralise('a\tb é 漢 🚀')).toBe('a\tb é 漢 🚀')
  })
})

describe('a phase', () => {
  const phases = ['idle', 'waiting', 'starting', 'ready', 'unready', 'stopping', 'backoff', 'exited', 'failed'] as const

  it('has a sign of one column, in ASCII where nothing else is shown', () => {
    for (const phase of phases) {
      expect([...phaseMark(phase, true)]).toHaveLength(1)
      expect(phaseMark(phase, false)).toMatch(/^[\x21-\x7E]$/)
    }
  })

  it('looks good, in trouble or bad', () => {
    expect([phaseStyle('ready'), phaseStyle('backoff'), phaseStyle('failed')]).toEqual(['green', 'yellow', 'red'])
  })
})
