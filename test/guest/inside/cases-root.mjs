import fs from 'node:fs'
import { CPU, FORK_BOMB, holdsBomb, holdsBy, keepsQuota, LEAK, leavesNothing, MEMORY, SPINNERS, survivesLeak, TASKS } from './claims.mjs'
import { badServer, beside, Daemon, wrapped } from './daemon.mjs'
import { check, CGROUPS, sinceBoot, until } from './lab.mjs'

const SERVERS = {
  calm: badServer(null),
  leak: badServer(LEAK, { limits: MEMORY }),
  'leak-below': wrapped(LEAK, { limits: MEMORY }),
  spin: beside(SPINNERS, { limits: CPU }),
  bomb: beside(FORK_BOMB, { limits: TASKS, restart: 'never' }),
  all: badServer(null, { limits: { ...MEMORY, ...CPU, ...TASKS } }),
}

/** A daemon in a service of the system. */
export const rootCases = [
  {
    open: () => Daemon.service(SERVERS, { properties: ['Delegate=yes', 'OOMPolicy=continue'] }),
    cases: {
      'root service, delegated: cgroup2 is chosen': (daemon) => holdsBy(daemon, 'cgroup2'),
      'root service, delegated: a leak is ended as oom and restarted': (daemon) => survivesLeak(daemon, 'leak', 'cgroup2'),
      'root service, delegated: a leak below a shell that outlives it': (daemon) => survivesLeak(daemon, 'leak-below', 'cgroup2'),
      'root service, delegated: two spinners get 80 % together': (daemon) => keepsQuota(daemon, 'spin'),
      'root service, delegated: a fork bomb stays at 64': (daemon) => holdsBomb(daemon, 'bomb', 'calm'),
      'root service, delegated: no group is left after stop': (daemon) => leavesNothing(daemon, ['all']),
      'root service, delegated: nothing of the unit is left after its stop': unitIsGone,
    },
  },
  {
    open: () => Daemon.service(SERVERS, { properties: ['Delegate=yes', 'OOMPolicy=continue'] }),
    cases: { 'F39 OOMPolicy=continue: the daemon stays when a server is out of memory': daemonStays },
  },
  {
    open: () => Daemon.service(SERVERS),
    cases: { 'F39 a service as systemd makes it by default: the daemon stays when a server is out of memory': daemonStays },
  },
]

async function unitIsGone(daemon) {
  const { ControlGroup } = await daemon.unit()
  await daemon.ready('all')
  const startedAt = sinceBoot()
  await daemon.end()
  await until(`${ControlGroup} is gone`, () => !fs.existsSync(`${CGROUPS}${ControlGroup}`), 5000, 20)
  return `${ControlGroup} gone ${(sinceBoot() - startedAt).toFixed(0)} ms after the order`
}

async function daemonStays(daemon) {
  const before = await daemon.unit()
  const { backend } = (await daemon.snapshot()).daemon.limits
  let leak
  try {
    leak = await survivesLeak(daemon, 'leak', backend)
  } catch (error) {
    const { ActiveState, Result, OOMPolicy, Delegate } = await daemon.unit()
    throw new Error(`${error.message} (unit ${ActiveState}, ${Result}, OOMPolicy=${OOMPolicy}, Delegate=${Delegate}, backend ${backend})`, { cause: error })
  }
  const after = await daemon.unit()
  check(after.ActiveState === 'active' && after.MainPID === before.MainPID, `the unit is ${after.ActiveState} (${after.Result}), main process ${before.MainPID} -> ${after.MainPID}`)
  return `unit active, same main process, OOMPolicy=${after.OOMPolicy}, Delegate=${after.Delegate}, backend ${backend}; ${leak}`
}
