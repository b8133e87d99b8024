import { readFileSync, statSync } from 'node:fs'
import { readBearer } from './bearer.js'
import { OutboundError } from './failure.js'
import type { Token, TokenOrigin } from './token-keeper.js'

/** How often it is looked whether the file changed. */
const LOOK_MS = 1_000
const MAX_FILE_BYTES = 64 * 1024
const READABLE_BY_OTHERS = 0o044

export interface FileOriginOptions {
  /** Absolute. */
  readonly path: string
  readonly now: () => number
  readonly warn: (text: string) => void
}

/** A token in a file, read anew when the file changed. While the file cannot be read, the last token stays in use. */
export function createFileOrigin({ path, now, warn }: FileOriginOptions): TokenOrigin {
  const from = `the file ${path}`
  let known: { readonly stamp: string; readonly value: string; readonly obtainedAt: number } | null = null
  let trouble = ''
  const refresh = (): void => {
    const stat = statSync(path)
    const stamp = `${stat.mtimeMs} ${stat.size} ${stat.ino}`
    if (known?.stamp === stamp) return
    if (stat.size > MAX_FILE_BYTES) throw new OutboundError('refused', `${from} is too large for a token`)
    const value = readBearer(readFileSync(path, 'utf8'), from)
    if (process.platform !== 'win32' && (stat.mode & READABLE_BY_OTHERS) !== 0) warn(`${from} holds a token and can be read by others: chmod 600 it`)
    known = { stamp, value, obtainedAt: now() }
  }
  const tell = (text: string): void => {
    if (text !== trouble && text !== '') warn(`${text}; the token read before stays in use`)
    trouble = text
  }
  return {
    hint: `The token in ${path} was not accepted; put a good one there.`,
    asksFirst: false,
    begin: () => undefined,
    look(): Token | null {
      try {
        refresh()
        trouble = ''
      } catch (error) {
        const failure = error instanceof OutboundError ? error : new OutboundError('refused', `${from} cannot be read: ${describe(error)}`, { hint: 'auth.file names the file that holds the token.' })
        if (known === null) throw failure
        tell(failure.message)
      }
      return known === null ? null : { value: known.value, obtainedAt: known.obtainedAt, renewAt: now() + LOOK_MS, expiresAt: Number.POSITIVE_INFINITY }
    },
    renew: () => Promise.reject(new OutboundError('refused', `the server refuses the token in ${path}`, { hint: 'Put a good one there: it is read as soon as the file changes.' })),
    close: () => undefined,
  }
}

function describe(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ENOENT') return 'there is no such file'
  return code === 'EACCES' ? 'permission denied' : (code ?? 'it is no file')
}
