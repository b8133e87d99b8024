import { statSync, watch, type FSWatcher } from 'node:fs'

/** Tells when something in a folder may have changed. */
export interface Wake {
  /** Resolves at the next change, after a second at the latest (where file events are lost or not to be had, that is all there is), or when aborted. */
  next(): Promise<void>
  close(): void
}

const POLL_MS = 1000
/** A server that writes all the time causes an event per write: a look is worth it only so often. */
const QUIET_MS = 20

/** Watches a folder that may be missing, appear later, or be replaced. */
export function createWake(directory: string, signal: AbortSignal): Wake {
  const folder = new WatchedFolder(directory)
  let cancel: () => void = () => undefined
  const abort = (): void => cancel()
  signal.addEventListener('abort', abort)
  return {
    async next() {
      if (signal.aborted) return
      folder.ensure()
      await new Promise<void>((resolve) => {
        let timer = setTimeout(resolve, POLL_MS)
        cancel = () => {
          clearTimeout(timer)
          resolve()
        }
        folder.onChange(() => {
          clearTimeout(timer)
          timer = setTimeout(resolve, QUIET_MS)
        })
      })
    },
    close() {
      folder.close()
      signal.removeEventListener('abort', abort)
    },
  }
}

class WatchedFolder {
  readonly #directory: string
  #watcher: FSWatcher | null = null
  #inode = 0
  #changed = false
  #listener: (() => void) | null = null

  constructor(directory: string) {
    this.#directory = directory
    this.ensure()
  }

  /** A watch holds on to the folder it was made for: after `rm -r` and a new start it would never fire again. */
  ensure(): void {
    const inode = readInode(this.#directory)
    if (this.#watcher !== null && inode === this.#inode) return
    this.close()
    this.#inode = inode
    if (inode === 0) return
    try {
      this.#watcher = watch(this.#directory, () => this.#fire())
      this.#watcher.on('error', () => this.close())
    } catch {
      // No watches left: the poll has to do.
      this.#watcher = null
    }
    this.#changed = true
  }

  /** Calls once, at once if something changed since the last time. */
  onChange(listener: () => void): void {
    this.#listener = listener
    if (this.#changed) this.#fire()
  }

  close(): void {
    this.#watcher?.close()
    this.#watcher = null
  }

  #fire(): void {
    const listener = this.#listener
    this.#listener = null
    this.#changed = listener === null
    listener?.()
  }
}

function readInode(path: string): number {
  try {
    return statSync(path, { throwIfNoEntry: false })?.ino ?? 0
  } catch {
    return 0
  }
}
