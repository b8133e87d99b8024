import { closeSync, openSync, readdirSync, readFileSync, readSync, rmdirSync, writeFileSync } from 'node:fs'
import { isPid } from '../identity.js'
import { readErrorCode } from '../launch-error.js'

const SMALL_BYTES = 4096
let buffer = Buffer.allocUnsafeSlow(SMALL_BYTES)

/** A small file of the kernel that is read again and again: 2 µs instead of 10 with opening it each time. */
export class KeptFile {
  #fd: number | null

  /** @throws what opening it gives. */
  constructor(path: string, largestBytes = SMALL_BYTES) {
    this.#fd = openSync(path, 'r')
    if (largestBytes > buffer.length) buffer = Buffer.allocUnsafeSlow(largestBytes)
  }

  /** Empty when the file is gone. */
  read(): string {
    if (this.#fd === null) return ''
    try {
      return buffer.toString('latin1', 0, readSync(this.#fd, buffer, 0, buffer.length, 0))
    } catch {
      return ''
    }
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd)
    this.#fd = null
  }
}

/** The number behind `key` in lines of `key number`; 0 when there is none. */
export function numberOf(text: string, key: string): number {
  for (let at = text.indexOf(key); at !== -1; at = text.indexOf(key, at + 1)) {
    if ((at === 0 || text[at - 1] === '\n') && text[at + key.length] === ' ') return Number.parseInt(text.slice(at + key.length + 1), 10)
  }
  return 0
}

/** A file of the kernel, or an empty text when it cannot be read. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

/** Null when there is no such file or no number in it (`max`). */
export function readNumber(path: string): number | null {
  const number = Number.parseInt(readText(path), 10)
  return Number.isNaN(number) ? null : number
}

/** @throws what the kernel answers, which for such files is an answer to the value. */
export function writeValue(path: string, value: string | number): void {
  writeFileSync(path, String(value), { flag: 'r+' })
}

/** False when the kernel does not take it. */
export function tryWrite(path: string, value: string | number): boolean {
  try {
    writeValue(path, value)
    return true
  } catch {
    return false
  }
}

/** The live processes of a group. A process of another PID namespace reads as 0 and is left out: to `kill`, 0 is ourselves. */
export function listGroup(directory: string): number[] {
  return readText(`${directory}/cgroup.procs`).split('\n').map(Number).filter(isPid)
}

/** Sends SIGKILL to each process of a group once, itself never; returns how many there were. */
export function killEach(directory: string): number {
  let count = 0
  for (const pid of listGroup(directory)) {
    if (pid === process.pid) continue
    count++
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // Gone meanwhile, or another user's: then it is still there at the next look.
    }
  }
  return count
}

/** True when the folder is gone. A group that is not empty yet answers EBUSY. */
export function removeGroup(directory: string): boolean {
  try {
    rmdirSync(directory)
    return true
  } catch (error) {
    return readErrorCode(error) === 'ENOENT'
  }
}

/** The groups directly below one; none when it is gone. */
export function listChildren(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => `${directory}/${entry.name}`)
  } catch {
    return []
  }
}
