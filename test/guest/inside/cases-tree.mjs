import fs from 'node:fs'
import { dirname } from 'node:path'
import { MEMORY } from './claims.mjs'
import { badServer, Daemon } from './daemon.mjs'
import { check, groupOf, readText, until } from './lab.mjs'

const LIMITS = { ...MEMORY, cpu: '80%', pids: 64 }
const FACTS = { 'memory.max': String(200 * 1024 ** 2), 'cpu.max': '80000 100000', 'pids.max': '64' }
const SERVERS = { all: badServer(null, { limits: LIMITS }), second: badServer(null, { limits: LIMITS }) }
const DELEGATED = ['Delegate=yes', 'OOMPolicy=continue']

/** F40: the tree of groups is not as the daemon needs it. */
export const treeCases = [
  {
    // A controller that may be threaded, enabled while processes are inside: the kernel makes the group threaded.
    open: () => Daemon.service(SERVERS, { properties: DELEGATED, before: 'echo +pids > /sys/fs/cgroup"$(sed s/^0::// /proc/self/cgroup)"/cgroup.subtree_control' }),
    cases: { 'F40 the group of the daemon is threaded: another backend, named why, no server half limited': (daemon) => fallsBack(daemon, /type|threaded|domain/) },
  },
  {
    open: () => Daemon.service(SERVERS, { properties: [...DELEGATED, 'ProtectControlGroups=yes'] }),
    cases: { 'F40 groups are read-only: another backend, named why, no server half limited': (daemon) => fallsBack(daemon, /read-only/) },
  },
  ...Object.entries({
    'F40 the folder of all servers is removed: the next server is limited all the same': baseIsRemoved,
    'F40 controllers are taken away: no server half limited': controllersAreTaken,
  }).map(([name, work]) => ({ open: () => Daemon.service(SERVERS, { properties: DELEGATED }), cases: { [name]: work } })),
]

/** What really holds a server, against what the daemon says of it. */
async function limitsInForce(daemon, name) {
  const { pid, limits, trouble } = await daemon.ready(name)
  const group = groupOf(pid)
  const found = Object.fromEntries(Object.keys(FACTS).map((file) => [file, readText(`${group}/${file}`).trim()]))
  const kernel = limits.backend === 'cgroup2' || limits.backend === 'systemd'
  for (const [file, wanted] of Object.entries(FACTS)) {
    check(kernel ? found[file] === wanted : true, `${limits.backend} is said to hold ${name}, but ${file} of ${group} is ${JSON.stringify(found[file])}`)
  }
  return { backend: limits.backend, trouble, group }
}

async function fallsBack(daemon, why) {
  const { limits } = (await daemon.snapshot()).daemon
  check(limits.backend !== 'cgroup2', 'cgroup2 was chosen all the same')
  const note = limits.notes.find((text) => text.startsWith('cgroup2: '))
  check(note !== undefined && why.test(note), `it is not said why not: ${JSON.stringify(limits.notes)}`)
  const { backend } = await limitsInForce(daemon, 'all')
  check(backend === limits.backend, `the server is held by ${backend}, the daemon says ${limits.backend}`)
  await daemon.mustMcpctl('stop', 'all')
  return `${backend}; "${note}"`
}

/** The folder of all servers, once it is empty. */
async function emptyBase(daemon) {
  const { group, backend } = await limitsInForce(daemon, 'all')
  check(backend === 'cgroup2', `the backend is ${backend}`)
  await daemon.mustMcpctl('stop', '--keep-daemon')
  const base = dirname(group)
  // It goes with the last server; here it is there again, as if somebody else had a hand in it.
  await until(`the folder ${base} is gone`, () => !fs.existsSync(base), 5000, 20)
  fs.mkdirSync(base)
  return base
}

function takeControllers(base) {
  for (const folder of [base, dirname(base)]) fs.writeFileSync(`${folder}/cgroup.subtree_control`, '-memory -cpu -pids')
}

/** A second server: held by the kernel as it should be, or by something else and everybody can see why. */
async function secondIsHeld(daemon) {
  const { backend, trouble } = await limitsInForce(daemon, 'second')
  check(backend === 'cgroup2' || trouble !== null, `held by ${backend}, and nobody is told why`)
  return `held by ${backend}${trouble === null ? '' : `: "${trouble}"`}`
}

async function baseIsRemoved(daemon) {
  const base = await emptyBase(daemon)
  fs.rmdirSync(base)
  const figures = await secondIsHeld(daemon)
  check(fs.existsSync(base), figures)
  return `${figures}, in ${base} made anew`
}

async function controllersAreTaken(daemon) {
  takeControllers(await emptyBase(daemon))
  return secondIsHeld(daemon)
}
