import { CPU, FORK_BOMB, holdsBomb, holdsBy, keepsQuota, LEAK, leavesNothing, MEMORY, SPINNERS, survivesLeak, TASKS } from './claims.mjs'
import { badServer, beside, Daemon, USER, wrapped } from './daemon.mjs'
import { check, must, until } from './lab.mjs'

const SERVERS = {
  calm: badServer(null),
  leak: badServer(LEAK, { limits: MEMORY }),
  'leak-below': wrapped(LEAK, { limits: MEMORY }),
  spin: beside(SPINNERS, { limits: CPU }),
  bomb: beside(FORK_BOMB, { limits: TASKS, restart: 'never' }),
  all: badServer(null, { limits: { ...MEMORY, ...CPU, ...TASKS } }),
}

/** A person without rights, whose systemd runs. */
export const userCases = [
  {
    open: () => Daemon.login(SERVERS, 'calm'),
    cases: {
      'user at a login shell: a scope of systemd for each server': (daemon) => holdsBy(daemon, 'systemd'),
      'user at a login shell: a leak is ended as oom and restarted': (daemon) => survivesLeak(daemon, 'leak', 'systemd'),
      'user at a login shell: a leak below a shell that outlives it': (daemon) => survivesLeak(daemon, 'leak-below', 'systemd'),
      'user at a login shell: two spinners get 80 % together': (daemon) => keepsQuota(daemon, 'spin'),
      'user at a login shell: a fork bomb stays at 64': (daemon) => holdsBomb(daemon, 'bomb', 'calm'),
      'user at a login shell: no scope is left after stop': scopesAreGone,
    },
  },
  {
    open: () => Daemon.scope(SERVERS, { properties: ['Delegate=yes'] }),
    cases: {
      'user in a delegated scope: cgroup2 is chosen': (daemon) => holdsBy(daemon, 'cgroup2'),
      'user in a delegated scope: a leak is ended as oom and restarted': (daemon) => survivesLeak(daemon, 'leak', 'cgroup2'),
      'user in a delegated scope: two spinners get 80 % together': (daemon) => keepsQuota(daemon, 'spin'),
      'user in a delegated scope: no group is left after stop': (daemon) => leavesNothing(daemon, ['all']),
    },
  },
  {
    open: () => Daemon.service(SERVERS, { user: USER }),
    cases: {
      'user service that is not delegated: what is said to hold a server holds it': notDelegated,
      'user service that is not delegated: the daemon stays when a server is out of memory': notDelegatedLeak,
    },
  },
]

async function scopesAreGone(daemon) {
  const figures = await leavesNothing(daemon, ['all'])
  const list = () => must('systemctl', ['--user', 'list-units', '--all', '--plain', '--no-legend', 'mcpctl-*'], { env: daemon.env, uid: USER.uid, gid: USER.gid })
  await until('systemd knows no unit of ours', async () => (await list()).trim() === '', 5000)
  return figures
}

async function notDelegated(daemon) {
  const { limits } = (await daemon.snapshot()).daemon
  check(limits.cpu === 'quota' && limits.memory === 'tree' && limits.pids === 'tree', `systemd could hold all three, but: ${JSON.stringify(limits)}`)
  return `${limits.backend}; ${limits.notes.join('; ')}`
}

async function notDelegatedLeak(daemon) {
  const { backend } = (await daemon.snapshot()).daemon.limits
  const before = await daemon.unit()
  const leak = await survivesLeak(daemon, 'leak', backend)
  const after = await daemon.unit()
  check(after.ActiveState === 'active' && after.MainPID === before.MainPID, `the unit is ${after.ActiveState} (${after.Result}), main process ${before.MainPID} -> ${after.MainPID}`)
  return `backend ${backend}, unit active; ${leak}`
}
