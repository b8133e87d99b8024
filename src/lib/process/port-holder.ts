import { readdirSync, readlinkSync } from 'node:fs'
import { basename } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { hasProc, listPids, readProcFile } from './proc.js'

/** Who listens on a port. `pid` and `command` are null when the process belongs to somebody else and cannot be seen. */
export interface PortHolder {
  readonly pid: number | null
  /** The program and its first argument ("node server.js"); further arguments may be secrets. */
  readonly command: string | null
}

const LISTEN = '0A'
const PIDS_PER_TURN = 16

/**
 * Who listens on a TCP port of this machine, or null when nobody does (or where /proc does not tell). `host`, an IP
 * address, limits the search to sockets that would stand in its way: that address or the wildcard.
 */
export async function findPortHolder(port: number, host?: string): Promise<PortHolder | null> {
  if (!hasProc) return null
  const inodes = new Set([
    ...parseListeners(readProcFile('/proc/net/tcp') ?? '', port, host),
    ...parseListeners(readProcFile('/proc/net/tcp6') ?? '', port, host),
  ])
  if (inodes.size === 0) return null
  const links = new Set([...inodes].map((inode) => `socket:[${inode}]`))
  for (const [index, pid] of listPids().entries()) {
    if (index % PIDS_PER_TURN === PIDS_PER_TURN - 1) await nextTurn()
    if (holdsLink(pid, links)) return { pid, command: describe(pid) }
  }
  return { pid: null, command: null }
}

/** Reads /proc/net/tcp or tcp6 (proc_net(5)) and returns the inodes of listening sockets on the port. */
export function parseListeners(text: string, port: number, host?: string): string[] {
  const inodes: string[] = []
  for (const line of text.split('\n').slice(1)) {
    const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/)
    const [address = '', portHex = ''] = local.split(':')
    if (state !== LISTEN || Number.parseInt(portHex, 16) !== port || inode === undefined) continue
    if (host === undefined || isInTheWay(address, host)) inodes.push(inode)
  }
  return inodes
}

/** Addresses are printed as 32-bit words in host byte order: little-endian wherever Node runs. */
function isInTheWay(address: string, host: string): boolean {
  if (/^0+$/.test(address)) return true
  const bytes = Buffer.from(address, 'hex')
  for (let at = 0; at + 4 <= bytes.length; at += 4) bytes.subarray(at, at + 4).reverse()
  const wanted = host === 'localhost' ? ['127.0.0.1', '::1'] : [host]
  if (wanted.some((one) => one === '0.0.0.0' || one === '::')) return true
  return wanted.includes(bytes.length === 4 ? bytes.join('.') : formatIpv6(bytes))
}

function formatIpv6(bytes: Buffer): string {
  const isMapped = bytes.subarray(0, 12).equals(Buffer.from('00000000000000000000ffff', 'hex'))
  if (isMapped) return bytes.subarray(12).join('.')
  const words = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16)).join(':')
  return new URL(`http://[${words}]`).hostname.slice(1, -1)
}

function holdsLink(pid: number, links: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => links.has(readLink(`/proc/${pid}/fd/${fd}`)))
  } catch {
    return false
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

function describe(pid: number): string | null {
  const words = readProcFile(`/proc/${pid}/cmdline`)?.split('\0').filter((word) => word !== '') ?? []
  const program = words[0] === undefined ? readProcFile(`/proc/${pid}/comm`)?.trim() : basename(words[0])
  if (program === undefined) return null
  const first = words[1]
  return first === undefined || first.startsWith('-') || first.includes('=') ? program : `${program} ${first}`
}
