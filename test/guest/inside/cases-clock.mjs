import { badServer, Daemon } from './daemon.mjs'
import { check, delay, isAlive, must, seconds, sinceBoot } from './lab.mjs'

const DAY_S = 86_400
/** A start of node takes a second here. */
const SLACK_MS = 1500
const QUIET_MS = 6000
const HEALTH = { interval: '1s', timeout: '2s' }
const REPLACED_MS = 15_000

/** F35: somebody sets the time of day. */
export const clockCases = [1, -1].map((days) => ({
  open: () => Daemon.service({
    failing: badServer('exit-at-start', { restart: { policy: 'on-failure', backoff: { initial: '8s', max: '8s' } } }),
    calm: badServer(null, { health: HEALTH }),
  }),
  cases: {
    [`F35 clock ${days > 0 ? '+' : '-'}1 day: backoff takes its time, no more and no less`]: (daemon) => backoffIsSteady(daemon, days),
    [`F35 clock ${days > 0 ? '+' : '-'}1 day: a ready server stays, probes go on and find the one that stops`]: (daemon) => probesGoOn(daemon, days),
  },
}))

async function moveClock(days) {
  const before = Date.now()
  await must('date', ['-s', `@${Math.round(before / 1000) + days * DAY_S}`])
  const moved = (Date.now() - before) / 1000 / DAY_S
  check(Math.abs(moved - days) < 0.01, `the clock moved by ${moved} days`)
}

async function backoffIsSteady(daemon, days) {
  await daemon.mustMcpctl('start', 'failing', '--no-wait')
  const waiting = await daemon.change('waits for its next start', 'failing', ({ phase }) => phase === 'backoff')
  const delayMs = waiting.server.retryAt - waiting.server.since
  check(delayMs > 2 * SLACK_MS, `the backoff is only ${delayMs} ms`)
  const from = daemon.changes('failing').length
  await moveClock(days)
  try {
    const { at } = await daemon.change('is started again', 'failing', ({ generation }) => generation > waiting.server.generation, { from, limitMs: delayMs + 10_000 })
    const waitedMs = at - waiting.at
    check(Math.abs(waitedMs - delayMs) <= SLACK_MS, `waited ${seconds(waitedMs)} instead of ${seconds(delayMs)}`)
    return `asked for ${seconds(delayMs)}, waited ${seconds(waitedMs)}`
  } finally {
    await moveClock(-days)
    await daemon.mcpctl('stop', 'failing')
  }
}

async function probesGoOn(daemon, days) {
  const before = await daemon.ready('calm')
  const from = daemon.changes('calm').length
  await moveClock(days)
  try {
    await delay(QUIET_MS)
    const after = await daemon.server('calm')
    const since = daemon.changes('calm').slice(from).filter(({ server }) => !server.ready)
    check(after.ready && after.generation === before.generation && since.length === 0, `it is ${after.phase} in generation ${after.generation}, was ${before.generation}: ${since.map(({ server }) => server.reason).join('; ')}`)
    const stoppedAt = sinceBoot()
    process.kill(before.pid, 'SIGSTOP')
    const out = await daemon.change('is out of rotation', 'calm', ({ ready }) => !ready, { from, limitMs: REPLACED_MS })
    const back = await daemon.change('is replaced', 'calm', ({ ready, generation }) => ready && generation > before.generation, { from, limitMs: 2 * REPLACED_MS })
    check(!isAlive(before.pid), 'the one that stopped is still there')
    return `untouched for ${seconds(QUIET_MS)}; stopped: out of rotation after ${seconds(out.at - stoppedAt)}, replaced after ${seconds(back.at - stoppedAt)}`
  } finally {
    await moveClock(-days)
    await daemon.mcpctl('stop', 'calm')
  }
}
