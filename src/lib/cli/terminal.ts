import type { WriteStream } from 'node:tty'

/** What an output stream can show. */
export interface Terminal {
  readonly interactive: boolean
  readonly color: boolean
  readonly columns: number
  readonly unicode: boolean
}

/** Looks at the stream and at NO_COLOR, FORCE_COLOR, TERM and the locale; stdout and stderr are judged apart. */
export function describeTerminal(stream: Partial<WriteStream>, env: NodeJS.ProcessEnv): Terminal {
  const interactive = stream.isTTY === true && env['TERM'] !== 'dumb'
  const forced = env['FORCE_COLOR'] !== undefined && env['FORCE_COLOR'] !== '' && env['FORCE_COLOR'] !== '0'
  const color = (interactive || forced) && !env['NO_COLOR']
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || ''
  const columns = stream.columns && stream.columns > 0 ? stream.columns : interactive ? 80 : Infinity
  return { interactive, color, columns, unicode: /utf-?8/i.test(locale) || process.platform === 'darwin' }
}
