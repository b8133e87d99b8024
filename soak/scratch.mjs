// Everything the soak puts on disk is in one temporary folder, and everything it starts carries that folder's name.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { root } from '../scripts/install.mjs'
import { listCarrying, listMarked, signal } from './processes.mjs'

const OUTPUT_CHARS = 4000

/**
 * `cli`: the entry file of an mcpctl. Without it, a copy of the one built here is used: a build meanwhile must not pull
 * the program away from under the soak.
 */
export function createScratch(cli) {
  const base = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'mcpctl-soak-')))
  const folder = (name) => {
    const made = path.join(base, name)
    fs.mkdirSync(made)
    return made
  }
  const scratch = { base, home: path.join(base, 'home'), project: folder('project'), journal: folder('journal'), temporary: folder('tmp'), memoryFile: path.join(base, 'memory.json') }
  const entry = cli ?? copyProduct(folder('product'))
  const mark = homeMark(scratch.home)
  const outer = Object.entries(process.env).filter(([name]) => !/^(MCP_|MCPCTL_|VITEST|NODE_OPTIONS$|NODE_ENV$|TEST$)/.test(name))
  const env = { ...Object.fromEntries(outer), HOME: base, MCP_HOME: scratch.home, TMPDIR: scratch.temporary, NO_COLOR: '1' }
  const start = (args, stdio) => spawn(process.execPath, [entry, ...args], { cwd: scratch.project, env, stdio })

  return {
    ...scratch,
    mark,
    /** A long-running command; the caller ends it. */
    start: (args) => start(args, ['pipe', 'pipe', 'pipe']),
    /** A command to its end; it is killed at its deadline. */
    run: (args, deadlineMs) => collect(start(args, ['ignore', 'pipe', 'pipe']), deadlineMs),
    /** The daemon as it wrote itself down; null: none runs. */
    daemon() {
      try {
        return JSON.parse(fs.readFileSync(path.join(scratch.home, 'run', 'daemon.json'), 'utf8'))
      } catch {
        return null
      }
    },
    /** Whatever is left of this run. */
    processes: () => listCarrying(base).concat(listMarked(mark)).filter((each, at, all) => all.findIndex(({ pid }) => pid === each.pid) === at),
    killAll() {
      for (let round = 0; round < 50; round++) {
        const left = this.processes()
        if (left.length === 0) return
        for (const each of left) signal(each, 'SIGKILL')
      }
    },
    remove: () => fs.rmSync(base, { recursive: true, force: true, maxRetries: 3 }),
  }
}

function copyProduct(folder) {
  for (const part of ['bin', 'dist', 'package.json']) fs.cpSync(path.join(root, part), path.join(folder, part), { recursive: true })
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'))
  return path.join(folder, 'bin', 'run.js')
}

/** The part of MCPCTL_ID that all processes of a home share: 64-bit FNV-1a of its path. */
function homeMark(home) {
  let value = 0xcbf29ce484222325n
  for (const byte of Buffer.from(home)) value = BigInt.asUintN(64, (value ^ BigInt(byte)) * 0x100000001b3n)
  return value.toString(16).padStart(16, '0')
}

function collect(child, deadlineMs) {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now()
    const output = { stdout: '', stderr: '' }
    let isLate = false
    let elapsedMs = 0
    for (const stream of ['stdout', 'stderr']) child[stream].setEncoding('utf8').on('data', (text) => (output[stream] += text))
    const timer = setTimeout(() => {
      isLate = true
      child.kill('SIGKILL')
    }, deadlineMs)
    child.once('error', reject)
    child.once('exit', () => (elapsedMs = performance.now() - startedAt))
    child.once('close', (code) => {
      clearTimeout(timer)
      resolve({ code, isLate, elapsedMs, stdout: output.stdout, said: (output.stderr || output.stdout).slice(-OUTPUT_CHARS).trim() })
    })
  })
}
