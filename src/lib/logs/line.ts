/** `out` and `err` are the server's own words, `mark` is what happened to it. */
export type LogStream = 'out' | 'err' | 'mark'

export interface LogLine {
  /** Epoch milliseconds. */
  readonly time: number
  readonly name: string
  readonly generation: number
  readonly stream: LogStream
  readonly text: string
}

const LETTERS: Record<LogStream, string> = { out: 'out', err: 'err', mark: '---' }
const LINE = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (\d+) (out|err|---) (.*)$/s

let stampedAt = NaN
let stamp = ''

/** What a line in the file begins with: `2026-11-21T03:44:00.123Z 3 err `. Formatting a time costs more than writing a line, so the last one is kept. */
export function formatPrefix(time: number, generation: number, stream: LogStream): string {
  if (time !== stampedAt) {
    stampedAt = time
    stamp = new Date(time).toISOString()
  }
  return `${stamp} ${generation} ${LETTERS[stream]} `
}

/**
 * Whole lines as they came, each with the prefix in front and CRLF made LF. `block` ends with a newline. As latin1 text,
 * which keeps every byte as it is, this runs at some 500 MB/s, twice as fast as copying line by line.
 */
export function formatBlock(block: Buffer, prefix: string): Buffer {
  const raw = block.toString('latin1')
  const text = raw.includes('\r') ? raw.replaceAll('\r\n', '\n') : raw
  return Buffer.from(`${prefix}${text.slice(0, -1).split('\n').join(`\n${prefix}`)}\n`, 'latin1')
}

/** A line of a log file, or null when it is none of ours (a torn write, a foreign edit). */
export function parseLine(text: string, name: string): LogLine | null {
  const match = LINE.exec(text)
  if (!match) return null
  const [, iso = '', generation = '0', letters = '', rest = ''] = match
  const stream: LogStream = letters === '---' ? 'mark' : letters === 'out' ? 'out' : 'err'
  return { time: Date.parse(iso), name, generation: Number(generation), stream, text: rest }
}
