import { closeSync, constants, linkSync, openSync, readFileSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
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
  if (process.platform !== 'linux' && process.platform !== 'win32') return flockFile(join(home.state, 'daemon.lock'))
  for (;;) {
    const token = lockToken(home)
    const lock = await bindLock(lockAddress(home, token))
    if (lock === null) return null
    // The holder before us may have retired the token meanwhile, and somebody else may hold the lock under a new one.
    if (readToken(home) === token) return { release: () => retire(home, lock) }
    lock.release()
  }
}

/** The name was visible to every local user while the lock was held (/proc/net/unix): nobody can squat on the next one. */
function retire(home: Home, lock: Lock): void {
  rmSync(tokenPath(home), { force: true })
  lock.release()
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

/** Of this folder alone: a copy of a home has the same token but is another folder, a renamed one is the same. */
function lockAddress(home: Home, token: string): string {
  const { dev, ino } = statSync(home.state)
  const name = `mcpctl-${token}-${dev}-${ino}`
  return process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : `\0${name}`
}

function tokenPath(home: Home): string {
  return join(home.state, 'lock-token')
}

function readToken(home: Home): string | null {
  try {
    return readFileSync(tokenPath(home), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** A name that cannot be guessed: in the abstract namespace any local user could take one that can. */
function lockToken(home: Home): string {
  const path = tokenPath(home)
  for (let token = readToken(home); ; token = readToken(home)) {
    if (token !== null) return token
    const draft = `${path}.${process.pid}`
    // Needed once per start; loading the module takes as long as all the rest of this file.
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
