import { execFile, spawn } from 'node:child_process'
import fs from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

export const NODE = '/guest/node'
export const BIN = '/guest/mcpctl/bin/run.js'
export const SERVERS = '/guest/servers'
export const CGROUPS = '/sys/fs/cgroup'

export const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`

export function check(condition, message) {
  if (!condition) throw new Error(message)
}

/** Asks until the answer is not false, null or undefined. */
export async function until(what, ask, limitMs = 60_000, pauseMs = 100) {
  const deadline = performance.now() + limitMs
  for (;;) {
    const answer = await ask()
    if (answer !== false && answer !== null && answer !== undefined) return answer
    if (performance.now() > deadline) throw new Error(`waited ${seconds(limitMs)} in vain until ${what}`)
    await delay(pauseMs)
  }
}

/** Runs a program to its end; never rejects because of its exit status. */
export function run(file, args, options = {}) {
  return new Promise((resolve) => {
    execFile(file, args, { timeout: 60_000, cwd: '/', ...options }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : (error.code ?? error.signal), stdout, stderr })
    })
  })
}

/** Runs a program that has to succeed; resolves with what it printed. */
export async function must(file, args, options) {
  const { code, stdout, stderr } = await run(file, args, options)
  check(code === 0, `${file} ${args.join(' ')} ended with ${code}: ${stderr.trim() || stdout.trim()}`)
  return stdout
}

export function background(file, args, options) {
  return spawn(file, args, { stdio: 'ignore', cwd: '/', ...options })
}

export function readText(file) {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** The number behind a word in a file of lines "word number". */
export function counter(file, word) {
  return Number(new RegExp(`^${word} (\\d+)`, 'm').exec(readText(file))?.[1] ?? Number.NaN)
}

/** The folder of the group a process is in. */
export function groupOf(pid) {
  const place = /^0::(.*)$/m.exec(readText(`/proc/${pid}/cgroup`))?.[1]
  check(place !== undefined, `process ${pid} is gone`)
  return `${CGROUPS}${place}`
}

/** Pids of a group and of all groups below it. */
export function membersOf(folder) {
  if (!fs.existsSync(folder)) return []
  const own = readText(`${folder}/cgroup.procs`).split('\n').filter((word) => word !== '').map(Number)
  return [...own, ...childrenOf(folder).flatMap(membersOf)]
}

function childrenOf(folder) {
  try {
    return fs.readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => `${folder}/${entry.name}`)
  } catch {
    return []
  }
}

/** Groups of servers, wherever they are. */
export function serverGroups(folder = CGROUPS) {
  return childrenOf(folder).flatMap((child) => [...(isOurs(child) ? [child] : []), ...serverGroups(child)])
}

function isOurs(folder) {
  const name = folder.slice(folder.lastIndexOf('/') + 1)
  return name.startsWith('mcpctl-') ? name.endsWith('.scope') || childrenOf(folder).some((child) => child.includes('/s-')) : name.startsWith('s-')
}

export function isAlive(pid) {
  const state = /\) (\S)/.exec(readText(`/proc/${pid}/stat`))?.[1]
  return state !== undefined && state !== 'Z' && state !== 'X'
}

/** A process and all below it. */
export function treeOf(pid) {
  const children = readText(`/proc/${pid}/task/${pid}/children`).split(' ').filter((word) => word !== '').map(Number)
  return [pid, ...children.flatMap(treeOf)]
}

/** Milliseconds since boot at which the kernel killed a process for memory, the newest. */
export async function newestOomKill() {
  const lines = (await must('dmesg', [])).split('\n').filter((line) => line.includes('Killed process'))
  const stamp = /^\[\s*([\d.]+)\]/.exec(lines.at(-1) ?? '')?.[1]
  return stamp === undefined ? null : Number(stamp) * 1000
}

/** Milliseconds since boot, the clock of the kernel's messages; setting the time of day does not move it. */
export function sinceBoot() {
  return Number(process.hrtime.bigint() / 1000n) / 1000
}

export { delay }
