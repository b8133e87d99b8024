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

/** The file's form of a line without its newline: `2026-11-21T03:44:00.123Z 3 err text`. */
export function formatPrefix(isoTime: string, generation: number, stream: LogStream): string {
  return `${isoTime} ${generation} ${LETTERS[stream]} `
}

/** A line of a log file, or null when it is none of ours (a torn write, a foreign edit). */
export function parseLine(text: string, name: string): LogLine | null {
  const match = LINE.exec(text)
  if (!match) return null
  const [, iso = '', generation = '0', letters = '', rest = ''] = match
  const stream: LogStream = letters === '---' ? 'mark' : letters === 'out' ? 'out' : 'err'
  return { time: Date.parse(iso), name, generation: Number(generation), stream, text: rest }
}
