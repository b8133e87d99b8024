// What is claimed of every backend, and how it is measured.
import { check, counter, delay, groupOf, isAlive, membersOf, newestOomKill, readText, seconds, serverGroups, sinceBoot, treeOf, until } from './lab.mjs'

const MIB = 1024 ** 2
const MEMORY_LIMIT_MIB = 200
const ENDED_MS = 250
const QUOTA = 80
const QUOTA_TOLERANCE = 3
const QUOTA_WINDOW_MS = 10_000
const PIDS = 64
/** How long a fork bomb is watched. */
const BOMB_MS = 6000

/** 40 MB a second: four seconds from the start to the limit. */
export const LEAK = 'leak=2097152'
export const MEMORY = { memory: `${MEMORY_LIMIT_MIB}M` }
export const CPU = { cpu: `${QUOTA}%` }
export const TASKS = { pids: PIDS }
/** Two loops that use what they get. */
export const SPINNERS = 'while :; do :; done & while :; do :; done &'
/** Late enough that its server is ready by then. */
export const FORK_BOMB = '(sleep 3; exec bash -c "bomb() { bomb | bomb & }; bomb") &'

/** The daemon says that it limits with `backend`, and that the kernel does it. */
export async function holdsBy(daemon, backend) {
  const { limits } = (await daemon.snapshot()).daemon
  check(limits.backend === backend, `the backend is ${limits.backend}, not ${backend}: ${JSON.stringify(limits)}`)
  check(limits.memory === 'tree' && limits.cpu === 'quota' && limits.pids === 'tree', `not all is held by the kernel: ${JSON.stringify(limits)}`)
  return `${limits.backend}, memory ${limits.memory}, cpu ${limits.cpu}, pids ${limits.pids}${limits.notes.length === 0 ? '' : `; ${limits.notes.join('; ')}`}`
}

/** The named server leaks: it is ended at its limit with everything it started, that is called so, and it is back. */
export async function survivesLeak(daemon, name, backend) {
  const before = await daemon.ready(name)
  check(before.limits?.backend === backend, `${name} is limited by ${before.limits?.backend}, not ${backend}`)
  const group = groupOf(before.pid)
  const limit = Number(readText(`${group}/memory.max`))
  check(limit === MEMORY_LIMIT_MIB * MIB, `memory.max of ${group} is ${limit}`)
  const tree = treeOf(before.pid)
  const from = daemon.changes(name).length
  const goneAt = await gone(tree)
  const killedAt = await newestOomKill()
  check(killedAt !== null, 'the kernel killed nothing for memory')
  const back = await daemon.change('is ready again', name, ({ ready, generation }) => ready && generation > before.generation, { from })
  const { server, detail } = await daemon.status(name)
  await daemon.mustMcpctl('stop', name)
  const end = detail.ends.find(({ generation }) => generation === before.generation)
  check(end?.cause === 'oom', `the cause in status --json is ${end?.cause}: ${JSON.stringify(end)}`)
  check(end.reason.includes(`exceeded its memory limit of ${MEMORY_LIMIT_MIB} MiB`), `the reason is ${JSON.stringify(end.reason)}`)
  check(server.restarts >= 1, `restarts is ${server.restarts}`)
  const goneMs = goneAt - killedAt
  const seenMs = end.endedAt - (Date.now() - sinceBoot()) - killedAt
  const figures = `its ${tree.length} processes gone ${goneMs.toFixed(0)} ms after the kernel's kill, seen by the daemon after ${seenMs.toFixed(0)} ms, ready again after ${seconds(back.at - killedAt)}; "${end.reason}"`
  check(Math.max(goneMs, seenMs) <= ENDED_MS, `${figures}; at most ${ENDED_MS} ms are allowed`)
  return figures
}

/** When the last of these processes ended, in ms since boot. */
async function gone(pids, limitMs = 60_000) {
  const deadline = performance.now() + limitMs
  for (let left = pids; performance.now() < deadline; await delay(5)) {
    left = left.filter(isAlive)
    if (left.length === 0) return sinceBoot()
  }
  throw new Error(`it was not ended within ${seconds(limitMs)}`)
}

/** Two spinning processes get the quota and no more. */
export async function keepsQuota(daemon, name) {
  const { pid } = await daemon.ready(name)
  const group = groupOf(pid)
  check(/^80000 100000/.test(readText(`${group}/cpu.max`)), `cpu.max is ${readText(`${group}/cpu.max`)}`)
  const look = () => ({ at: sinceBoot(), used: counter(`${group}/cpu.stat`, 'usage_usec') / 1000 })
  const first = look()
  await delay(QUOTA_WINDOW_MS)
  const last = look()
  const percent = ((last.used - first.used) / (last.at - first.at)) * 100
  const { server } = await daemon.status(name)
  await daemon.mustMcpctl('stop', name)
  check(Math.abs(percent - QUOTA) <= QUOTA_TOLERANCE, `used ${percent.toFixed(1)} % of one core`)
  return `${percent.toFixed(1)} % over ${seconds(last.at - first.at)}, status says ${server.cpuPercent} %`
}

/** A fork bomb is held at its limit, ended as such, and its neighbour goes on answering. */
export async function holdsBomb(daemon, name, neighbour) {
  await daemon.ready(neighbour)
  const { pid, generation } = await daemon.ready(name)
  const group = groupOf(pid)
  check(readText(`${group}/pids.max`).trim() === String(PIDS), `pids.max of ${group} is ${readText(`${group}/pids.max`)}`)
  const tasks = () => Number(readText(`${group}/pids.current`).trim())
  await until('the bomb goes off', () => tasks() > PIDS / 2, 10_000, 5)
  const startedAt = sinceBoot()
  let most = 0
  let end = null
  const watching = (async () => {
    while (end === null && sinceBoot() - startedAt < BOMB_MS) {
      most = Math.max(most, tasks())
      await delay(20)
      end = (await daemon.ends(name)).find((one) => one.generation === generation) ?? null
    }
  })()
  const calls = await callsMeanwhile(daemon, neighbour, watching)
  const over = end === null ? `it went on for ${seconds(BOMB_MS)}` : `ended after ${seconds(end.endedAt - (Date.now() - sinceBoot()) - startedAt)}: "${end.reason}"`
  await daemon.mustMcpctl('stop', name, neighbour)
  check(!isAlive(pid) && membersOf(group).length === 0, `${membersOf(group).length} processes of it are left`)
  check(most > PIDS * 0.75 && most <= PIDS, `it had ${most} processes at most`)
  const figures = `${most} processes and threads at most, ${calls}; ${over}`
  check(end?.cause === 'pids', `${figures} (cause ${end?.cause})`)
  return figures
}

/** Commands that call the neighbour while something else goes on, at least two. */
async function callsMeanwhile(daemon, neighbour, work) {
  let going = true
  void work.finally(() => (going = false))
  const times = []
  while (going || times.length < 2) {
    const startedAt = performance.now()
    const { code, stdout, stderr } = await daemon.mcpctl('call', neighbour, 'echo', 'text=still here')
    check(code === 0 && stdout.includes('still here'), `a call to the neighbour ended with ${code}: ${stderr}`)
    times.push(performance.now() - startedAt)
  }
  await work
  return `${times.length} calls to its neighbour answered meanwhile (slowest command ${seconds(Math.max(...times))})`
}

/** After the stop of all servers no group of theirs is left. */
export async function leavesNothing(daemon, names) {
  await daemon.ready(names[0])
  check(serverGroups().length > 0, 'there is no group while a server runs')
  const startedAt = performance.now()
  await daemon.mustMcpctl('stop', '--keep-daemon')
  await until(`no group is left: ${serverGroups().join(' ')}`, () => serverGroups().length === 0, 1000, 10)
  return `nothing left ${seconds(performance.now() - startedAt)} after the order`
}
