import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

/** Where tools of the system live that a user's PATH may lack. */
const FOLDERS = [...(process.env.PATH ?? '').split(path.delimiter), '/usr/sbin', '/sbin', '/usr/local/sbin']
const PACKAGES = { 'qemu-system-x86_64': 'qemu-system-x86', debootstrap: 'debootstrap', mke2fs: 'e2fsprogs', debugfs: 'e2fsprogs' }

/** Below others: the machine may be somebody's. */
const NICENESS = 10

/** The folder kept from run to run. */
export const CACHE = path.resolve(process.env.MCPCTL_GUEST_CACHE ?? path.join(os.tmpdir(), 'mcpctl-guest-cache'))

/** The file of a program, or null. */
export function findTool(name) {
  return FOLDERS.map((folder) => path.join(folder, name)).find((file) => fs.existsSync(file)) ?? null
}

/** Why the guest cannot be run here, as a sentence; null when it can. */
export function whyNot() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return `the guest is a Linux for x64 and needs one around it, and this is ${process.platform} on ${process.arch}.`
  const missing = Object.keys(PACKAGES).filter((name) => findTool(name) === null)
  if (missing.length > 0) {
    return `${missing.join(', ')} not found; with Debian: apt-get install ${[...new Set(missing.map((name) => PACKAGES[name]))].join(' ')}.`
  }
  return null
}

/** Runs a program to its end, its output into `log`; throws with the end of that when it fails. */
export async function runTool(name, args, { log, env } = {}) {
  const output = fs.openSync(log, 'a')
  try {
    const child = spawn(findTool(name) ?? name, args, { stdio: ['ignore', output, output], env: { ...process.env, ...env } })
    lower(child)
    const status = await ended(child)
    if (status === 0) return
    const last = fs.readFileSync(log, 'utf8').trimEnd().split('\n').slice(-15).join('\n')
    throw new Error(`${name} ${args.join(' ')} ended with ${status}:\n${last}`)
  } finally {
    fs.closeSync(output)
  }
}

/** Exit status, or the name of the signal. */
export function ended(child) {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(code ?? signal))
  })
}

export function lower(child) {
  try {
    if (child.pid !== undefined) os.setPriority(child.pid, NICENESS)
  } catch {
    // It has ended already.
  }
}
