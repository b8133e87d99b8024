import fc from 'fast-check'
import xterm from '@xterm/headless'
import { describe, expect, it } from 'vitest'
import { span, toCells, type Frame, type Line } from '../../../src/lib/tui/term/line.js'
import { Screen } from '../../../src/lib/tui/term/screen.js'
import { createTones, type Tone } from '../../../src/lib/tui/term/tone.js'

const TONES: readonly Tone[] = ['plain', 'bold', 'dim', 'red', 'green', 'selected', 'alarm']

/** Words of every kind that names, logs and our own marks are made of. */
const WORDS = ['a', 'files', ' ', '   ', '12.5', '●', '▁▂▃█', '日本語', '한국', 'é', 'e\u0301', '👍', '👨‍👩‍👧', '⚠️', '🇩🇪', 'ｱ', '…', '─────', '\u200b', '\u202e', '\u0007', '\u001b[2J', 'naïve', 'Ω', '\ud800']

const line: fc.Arbitrary<Line> = fc.array(fc.record({ text: fc.array(fc.constantFrom(...WORDS), { maxLength: 8 }).map((words) => words.join('')), tone: fc.constantFrom(...TONES) }).map(({ text, tone }) => span(text, tone)), { maxLength: 5 })
const size = fc.record({ columns: fc.integer({ min: 1, max: 30 }), rows: fc.integer({ min: 1, max: 6 }) })
const frames: fc.Arbitrary<Frame[]> = fc.array(
  fc.tuple(size, fc.boolean(), fc.array(line, { maxLength: 6 }), fc.nat(5), fc.nat(29)).map(([own, keepSize, lines, row, column]) => ({ own, keepSize, lines, row, column })),
  { minLength: 1, maxLength: 6 },
).map((drafts) => {
  let current = drafts[0]?.own ?? { columns: 10, rows: 3 }
  return drafts.map(({ own, keepSize, lines, row, column }) => {
    if (!keepSize) current = own
    return { ...current, lines, cursor: { row: Math.min(row, current.rows - 1), column: Math.min(column, current.columns - 1), visible: row % 2 === 0 } }
  })
})

function write(terminal: xterm.Terminal, text: string): Promise<void> {
  return new Promise((resolve) => terminal.write(text, resolve))
}

/** The terminal's cells, and what they should be, row by row. */
function compare(terminal: xterm.Terminal, frame: Frame): { shown: string[]; wanted: string[] } {
  const shown: string[] = []
  const wanted: string[] = []
  for (let row = 0; row < frame.rows; row++) {
    const cells = toCells(frame.lines[row] ?? [], frame.columns)
    const bufferLine = terminal.buffer.active.getLine(row)
    const at = Array.from({ length: frame.columns }, (_, column) => bufferLine?.getCell(column))
    // The second cell of a wide sign is empty here; a terminal that thinks it narrow has a blank there.
    shown.push(at.map((cell) => cell?.getChars() || ' ').join('|'))
    wanted.push(cells.text.map((text) => text || ' ').join('|'))
  }
  return { shown, wanted }
}

const tones = createTones(true)

describe('the screen', () => {
  it('shows the last frame whatever was shown before, wide signs, resizes and hostile text included', async () => {
    await fc.assert(
      fc.asyncProperty(frames, async (sequence) => {
        const terminal = new xterm.Terminal({ cols: 10, rows: 3, allowProposedApi: true, scrollback: 0 })
        const screen = new Screen(tones)
        try {
          await write(terminal, '\u001b[?1049h\u001b[?7l')
          for (const frame of sequence) {
            if (terminal.cols !== frame.columns || terminal.rows !== frame.rows) terminal.resize(frame.columns, frame.rows)
            await write(terminal, screen.paint(frame))
            const { shown, wanted } = compare(terminal, frame)
            expect(shown).toEqual(wanted)
            expect([terminal.buffer.active.cursorY, terminal.buffer.active.cursorX]).toEqual([frame.cursor.row, frame.cursor.column])
          }
        } finally {
          terminal.dispose()
        }
      }),
      { numRuns: 150 },
    )
  })

  it('gives every cell its tone', async () => {
    const terminal = new xterm.Terminal({ cols: 12, rows: 1, allowProposedApi: true })
    const screen = new Screen(tones)
    const cursor = { row: 0, column: 0, visible: false }
    await write(terminal, screen.paint({ columns: 12, rows: 1, cursor, lines: [[span('red ', 'red'), span('bold', 'bold'), span('inv', 'selected')]] }))
    await write(terminal, screen.paint({ columns: 12, rows: 1, cursor, lines: [[span('red ', 'green'), span('bold', 'bold'), span('in ', 'selected')]] }))
    const cell = (column: number) => terminal.buffer.active.getLine(0)?.getCell(column)
    expect([cell(0)?.getFgColor(), cell(0)?.isBold()]).toEqual([2, 0])
    expect(Boolean(cell(4)?.isBold())).toBe(true)
    expect(cell(4)?.isFgDefault()).toBe(true)
    expect(Boolean(cell(10)?.isInverse())).toBe(true)
    expect(Boolean(cell(11)?.isInverse())).toBe(false)
    terminal.dispose()
  })

  it('writes nothing when nothing changed, and only what changed otherwise', () => {
    const screen = new Screen(tones)
    const frame = (load: string): Frame => ({ columns: 80, rows: 2, cursor: { row: 1, column: 0, visible: false }, lines: [[span('files  ready', 'green')], [span(`cpu ${load}  memory 12 MB`)]] })
    expect(screen.paint(frame('0.4'))).toContain('files')
    expect(screen.paint(frame('0.4'))).toBe('')
    const change = screen.paint(frame('0.5'))
    expect(change).toContain('5')
    expect(change).not.toContain('files')
    expect(change).not.toContain('memory')
    screen.reset()
    expect(screen.paint(frame('0.5'))).toContain('files')
  })

  it('wraps each frame in the marks of synchronized output and shows the cursor only where something is typed', () => {
    const screen = new Screen(tones)
    const frame = (visible: boolean): Frame => ({ columns: 10, rows: 1, cursor: { row: 0, column: 3, visible }, lines: [] })
    // eslint-disable-next-line no-control-regex
    expect(screen.paint(frame(false))).toMatch(/^\u001b\[\?2026h.*\u001b\[\?2026l$/s)
    expect(screen.paint(frame(true))).toContain('\u001b[?25h')
    expect(screen.paint(frame(false))).toContain('\u001b[?25l')
  })

  it('uses no colour where none is wanted', () => {
    const sgr = Object.values(createTones(false)).flatMap((parameters) => parameters.split(';'))
    expect(new Set(sgr)).toEqual(new Set(['', '1', '7']))
  })
})
