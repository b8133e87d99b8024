// What can be seen of the processes of one MCP_HOME from outside (Linux): the referee does not ask the one it judges.
import fs from 'node:fs'

/** A process is told from a later one with the same pid by the time of its start. */
export function lookUp(pid) {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === '') return null
  // The name in parentheses may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { pid, state: fields[0], parent: Number(fields[1]), startedAt: fields[19] }
}

export function isAlive({ pid, startedAt }) {
  const now = lookUp(pid)
  return now !== null && now.startedAt === startedAt && now.state !== 'Z' && now.state !== 'X'
}

/** Living processes that carry the mark of this home, each with its server's name and whole marker. */
export function listMarked(mark) {
  const found = []
  for (const name of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const marker = new RegExp(`(?:^|\\0)MCPCTL_ID=(${mark}:[^\\0]*)`).exec(read(`/proc/${name}/environ`))?.[1]
    if (marker === undefined) continue
    const entry = lookUp(Number(name))
    if (entry === null || entry.state === 'Z' || entry.state === 'X') continue
    const words = read(`/proc/${name}/cmdline`).split('\0').slice(0, -1)
    found.push({ ...entry, marker, server: marker.split(':')[2] ?? '', words })
  }
  return found
}

/** Living processes with this text in their environment or command line, or that work in a folder with it in its path. */
export function listCarrying(text) {
  const found = []
  for (const name of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue
    const commandLine = read(`/proc/${name}/cmdline`).replaceAll('\0', ' ').trim()
    if (!commandLine.includes(text) && !read(`/proc/${name}/environ`).includes(text) && !readLink(`/proc/${name}/cwd`).includes(text)) continue
    const entry = lookUp(Number(name))
    if (entry !== null && entry.state !== 'Z' && entry.state !== 'X') found.push({ ...entry, commandLine })
  }
  return found
}

/** Resident bytes and open descriptors; null: it is gone. */
export function measure(pid) {
  const resident = /^VmRSS:\s*(\d+) kB/m.exec(read(`/proc/${pid}/status`))?.[1]
  return resident === undefined ? null : { rssBytes: Number(resident) * 1024, fds: readFolder(`/proc/${pid}/fd`).length }
}

/** What its open descriptors are, with numbers: "12 socket, 3 pipe, 1 /dev/null". */
export function describeDescriptors(pid) {
  const kinds = new Map()
  for (const name of readFolder(`/proc/${pid}/fd`)) {
    const kind = readLink(`/proc/${pid}/fd/${name}`).replace(/:\[\d+\]$/, '')
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
  }
  return [...kinds].toSorted(([, a], [, b]) => b - a).map(([kind, times]) => `${times} ${kind}`).join(', ')
}

/** True: it was there. Only what is still the process that was looked up gets the signal. */
export function signal(entry, name) {
  if (!isAlive(entry)) return false
  try {
    process.kill(entry.pid, name)
    return true
  } catch {
    return false
  }
}

function readLink(file) {
  try {
    return fs.readlinkSync(file)
  } catch {
    return ''
  }
}

function readFolder(folder) {
  try {
    return fs.readdirSync(folder)
  } catch {
    return []
  }
}

function read(file) {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
