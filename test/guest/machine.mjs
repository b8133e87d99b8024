import { execFileSync, spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { ended, findTool, lower } from './tools.mjs'

/**
 * The guest's clock counts instructions, 1 ns each: a machine of a thousand million instructions a second however busy the one
 * around it is, so that times measured inside mean something. Only while the guest waits its clock follows the real one;
 * without that it would race while a disk is read.
 */
const CLOCK = ['-icount', 'shift=0,sleep=on', '-rtc', 'base=utc,clock=vm']
const LIMIT_MS = 60 * 60_000
const MEMORY_MIB = 1536
/** Lines of the console that are meant for people begin with it. */
const MARK = '##'

/** Boots the guest and waits until it has switched itself off. Returns why it had to be stopped, or null. */
export async function boot({ base, payload, scratch, onLine }) {
  const log = fs.createWriteStream(path.join(scratch, 'console.log'))
  const child = spawn(findTool('qemu-system-x86_64'), machineArgs(base, payload), { stdio: ['ignore', 'pipe', 'pipe'] })
  lower(child)
  let why = null
  const timer = setTimeout(() => {
    why = `it was not done after ${LIMIT_MS / 60_000} minutes`
    child.kill('SIGKILL')
  }, LIMIT_MS)
  const stop = () => child.kill('SIGKILL')
  process.once('exit', stop)
  let errors = ''
  child.stderr.on('data', (data) => (errors += data))
  createInterface({ input: child.stdout }).on('line', (text) => {
    log.write(`${text}\n`)
    const at = text.indexOf(MARK)
    if (at !== -1) onLine(text.slice(at + MARK.length).trim())
  })
  try {
    const status = await ended(child)
    if (status !== 0 && why === null) why = `qemu ended with ${status}: ${errors.trim()}`
    return why
  } finally {
    clearTimeout(timer)
    process.off('exit', stop)
    log.end()
  }
}

function machineArgs({ disk, kernel, initrd }, payload) {
  return [
    '-machine', 'q35', '-accel', 'tcg', ...CLOCK, '-cpu', 'max', '-smp', '1', '-m', String(MEMORY_MIB),
    '-kernel', kernel, '-initrd', initrd,
    '-append', 'root=LABEL=mcpctl-base rw console=ttyS0 quiet panic=-1 mitigations=off systemd.show_status=0',
    // Several guests may use the base at once: what they write to it is thrown away.
    '-drive', `file=${disk},if=virtio,format=raw,snapshot=on`,
    '-drive', `file=${payload},if=virtio,format=raw,cache=unsafe`,
    '-device', 'virtio-rng-pci', '-no-reboot', '-nodefaults', '-display', 'none', '-monitor', 'none', '-serial', 'stdio',
  ]
}

/** What the guest wrote: a line a case, and a last one. */
export function readResults(payload) {
  const text = execFileSync(findTool('debugfs'), ['-R', 'cat /results', payload], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  const lines = text.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line))
  return { cases: lines.filter(({ name }) => name !== undefined), done: lines.some(({ done }) => done === true) }
}
