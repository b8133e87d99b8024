import { closeSync, constants, linkSync, openSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import type { Home } from './home.js'

/** Held until released or until the process dies: the kernel gives it back, so it is never stale. */
export interface Lock {
  release(): void
}

/** Not in Node's constants: open(2) with an exclusive flock on macOS and the BSDs. */
const O_EXLOCK = 0x20

/**
 * Becomes the one owner of this home, or returns null when somebody is. A socket in Linux's abstract namespace,
 * a locked file on macOS, a named pipe on Windows: all three end with their process. Lock files that are judged by
 * their content let two starters in (both find the same dead owner and both take over).
 */
export async function acquireLock(home: Home): Promise<Lock | null> {
  if (process.platform === 'linux') return bindLock(`\0mcpctl-${lockName(home)}`)
  if (process.platform === 'win32') return bindLock(`\\\\.\\pipe\\mcpctl-lock-${lockName(home)}`)
  return flockFile(join(home.state, 'daemon.lock'))
}

function bindLock(name: string): Promise<Lock | null> {
  return new Promise((resolve, reject) => {
    const server = net.createServer((connection) => connection.destroy())
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(null) : reject(error)))
    server.listen(name, () => {
      server.unref()
      resolve({ release: () => server.close() })
    })
  })
}

function flockFile(path: string): Lock | null {
  try {
    const descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK | O_EXLOCK, 0o600)
    return { release: () => closeSync(descriptor) }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'EAGAIN' || code === 'EWOULDBLOCK') return null
    throw error
  }
}

/** This folder's own name: a copy of a home has the same token but is another folder, a renamed one is the same. */
function lockName(home: Home): string {
  const { dev, ino } = statSync(home.state)
  return `${lockToken(home)}-${dev}-${ino}`
}

/** A secret name for the lock: in the abstract namespace any local user could take a name that can be guessed. */
function lockToken(home: Home): string {
  const path = join(home.state, 'lock-token')
  for (;;) {
    try {
      return readFileSync(path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
    const draft = `${path}.${process.pid}`
    // Needed once per home; loading the module takes as long as all the rest of this file.
    const { randomBytes } = process.getBuiltinModule('node:crypto')
    writeFileSync(draft, randomBytes(16).toString('hex'), { mode: 0o600 })
    try {
      // link(2) puts the whole file there at once and lets exactly one of several creators win.
      linkSync(draft, path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    } finally {
      unlinkSync(draft)
    }
  }
}
