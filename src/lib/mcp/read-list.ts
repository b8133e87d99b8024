import { listsFor, takePage, takePageError, type PageOutcome } from './catalogue.js'
import type { CallOptions, Catalogue, Link } from './link.js'
import { LinkError, RpcError } from './link-error.js'

/** Reads one list of a server that is up, all pages of it, without tools this link cannot call. Rejects with LinkError. `timeoutMs` holds for each page. */
export async function readList(link: Link, kind: keyof Catalogue, options: CallOptions): Promise<readonly unknown[]> {
  const start = listsFor(null).find((list) => list.kind === kind)
  if (start === undefined) return []
  for (let outcome = await readPage(link, start, undefined, options); ; ) {
    if (outcome.type === 'unusable') throw new LinkError('malformed', outcome.why)
    if (outcome.type === 'end') {
      const entries = outcome.progress.pages.flat(1)
      return kind === 'tools' ? link.learnTools(entries).usable : entries
    }
    outcome = await readPage(link, outcome.progress, outcome.cursor, options)
  }
}

async function readPage(link: Link, progress: Parameters<typeof takePage>[0], cursor: string | undefined, options: CallOptions): Promise<PageOutcome> {
  try {
    return takePage(progress, await link.request(progress.method, cursor === undefined ? undefined : { cursor }, options))
  } catch (error) {
    if (error instanceof RpcError) return takePageError(progress, error.toObject())
    throw error
  }
}
