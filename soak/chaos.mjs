// Carries out the plan. Each step is watched until its consequences are over.
import { setTimeout as delay } from 'node:timers/promises'
import { until } from './gate.mjs'
import { listMarked, isAlive, lookUp, signal } from './processes.mjs'
import { ownTask } from './task.mjs'

/** A process that was stopped by a signal has to be replaced within this. */
const REPLACED_MS = 30_000
/** After the daemon was killed: its servers gone, and another daemon there. */
const SWEPT_MS = 5000
const REVIVED_MS = 30_000
const COMMAND_MS = 90_000
/** Exit statuses by which a command says truthfully that it could not do it in the middle of all this. */
const HONEST_EXITS = new Set([0, 1, 3, 5, 6, 7])
const SERVER_UNKNOWN_EXIT = 4

export function createChaos({ scratch, fleet, callers, random, log, violation, sampling, guest, orphans }) {
  const open = new Set()
  const counts = { steps: {}, commands: {} }
  const rests = random.fork('choices')
  let asked = 0

  const isOfServer = ({ server }, name) => server === name || new RegExp(`^${name}[^A-Za-z0-9]`).test(server)
  const leadersOf = (name) => {
    const daemon = scratch.daemon()
    return listMarked(scratch.mark).filter((each) => each.parent === daemon?.pid && isOfServer(each, name))
  }
  const pickProcess = ({ server, which }) => {
    const found = leadersOf(server)
    return found[which % found.length] ?? null
  }

  async function command(...args) {
    const { code, isLate, elapsedMs, said } = await scratch.run(args, COMMAND_MS)
    const how = isLate ? 'late' : `exit ${code}`
    counts.commands[how] = (counts.commands[how] ?? 0) + 1
    log(`  mcpctl ${args.join(' ')}: ${how} after ${Math.round(elapsedMs)} ms${code === 0 ? '' : `: ${said.slice(-600)}`}`)
    const isHonest = HONEST_EXITS.has(code) || (code === SERVER_UNKNOWN_EXIT && args.includes(guest.name))
    if (isLate) violation(`mcpctl ${args.join(' ')} did not end within ${COMMAND_MS / 1000} s: ${said}`)
    else if (!isHonest || /INTERNAL|defect in mcpctl|\n\s+at .+:\d+:\d+/.test(said)) violation(`mcpctl ${args.join(' ')} ended with ${code}: ${said}`)
    return code
  }

  async function untilDaemon(previous) {
    const isOther = () => {
      const daemon = scratch.daemon()
      return daemon !== null && daemon.pid !== previous && lookUp(daemon.pid) !== null
    }
    if (await until(isOther, REVIVED_MS)) return
    violation(`nobody brought the daemon back within ${REVIVED_MS / 1000} s`)
    await command('start', '--no-wait')
  }

  const actions = {
    'kill-server'(step) {
      const found = pickProcess(step)
      return found && signal(found, 'SIGKILL') ? `pid ${found.pid}` : 'has no process'
    },
    async 'stop-process'(step) {
      const found = pickProcess(step)
      if (found === null || !signal(found, 'SIGSTOP')) return 'has no process'
      log(`  stopped pid ${found.pid} of ${found.server}`)
      const stoppedAt = performance.now()
      if (await until(() => !isAlive(found), REPLACED_MS)) return `pid ${found.pid} was replaced after ${Math.round(performance.now() - stoppedAt)} ms`
      violation(`${found.server}, stopped by a signal, was not replaced within ${REPLACED_MS / 1000} s (pid ${found.pid})`)
      signal(found, 'SIGCONT')
    },
    async 'pause-process'(step) {
      const found = pickProcess(step)
      if (found === null || !signal(found, 'SIGSTOP')) return 'has no process'
      await delay(step.ms)
      signal(found, 'SIGCONT')
    },
    async 'kill-daemon'() {
      const daemon = scratch.daemon()
      const entry = daemon && lookUp(daemon.pid)
      if (!entry) return 'there is none at the moment'
      const servers = listMarked(scratch.mark)
      sampling.expectEnd(entry.pid)
      if (!signal(entry, 'SIGKILL')) return 'it was gone already'
      const killedAt = performance.now()
      const left = () => servers.filter(isAlive)
      if (!(await until(() => left().length === 0, SWEPT_MS))) {
        orphans.add(left())
        violation(`orphans ${SWEPT_MS / 1000} s after the daemon's death: ${left().map(({ pid, marker }) => `${pid} ${marker}`).join(', ')}`)
      }
      await untilDaemon(entry.pid)
      return `pid ${entry.pid}, another after ${Math.round(performance.now() - killedAt)} ms`
    },
    async 'restart-daemon'() {
      const over = sampling.expectEnds()
      if ((await command('daemon', 'restart')) !== 0) await until(() => scratch.daemon() !== null, SWEPT_MS)
      // A daemon that had been stopped on purpose is brought back by nobody but its operator.
      if (scratch.daemon() === null) await command('start', '--no-wait')
      over()
    },
    'turn-knob': () => fleet.turnKnob(),
    revise: ({ server }) => fleet.revise(server),
    async 'break-file'({ ms }) {
      fleet.breakFile()
      await delay(ms)
      fleet.mendFile()
    },
    async 'move-guest'({ ms }) {
      guest.leave()
      fleet.removeGuest()
      await delay(ms)
      fleet.addGuest()
      guest.arrive()
    },
    reload: () => command('reload'),
    'restart-server': ({ server }) => command('restart', server),
    'replace-client': async ({ which }) => `is now ${await callers.replaceClient(which)}`,
  }
  for (const tool of ['exit', 'half', 'hang', 'freeze', 'spin', 'flood', 'leak', 'litter']) actions[tool] = (step) => ask(tool, step)

  /** Through one of the clients, judged like every other request. */
  async function ask(tool, { server, args }) {
    const { client, clientName } = callers.pickLine(rests)
    if (!client.isOpen) return 'its client has just been killed'
    await client.call(ownTask({ server, tool, nonce: `chaos.${++asked}.${tool}`, args, client: clientName, expectedMs: args.ms ?? 0 }))
  }

  return {
    counts,
    /** Begins a step; whether it is over is asked with `settled`. */
    begin(step) {
      const { kind } = step
      const details = Object.fromEntries(Object.entries(step).filter(([key]) => key !== 'gapMs' && key !== 'kind'))
      counts.steps[kind] = (counts.steps[kind] ?? 0) + 1
      log(`${kind} ${Object.keys(details).length === 0 ? '' : JSON.stringify(details)}`)
      const running = Promise.resolve()
        .then(() => actions[kind](step))
        .then((told) => typeof told === 'string' && log(`  ${kind} ${step.server ?? ''}: ${told}`))
        .catch((error) => violation(`${kind} could not be carried out: ${error.message}`))
        .finally(() => open.delete(running))
      open.add(running)
    },
    async settled() {
      while (open.size > 0) await Promise.all(open)
    },
  }
}
