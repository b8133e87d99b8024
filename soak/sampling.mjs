// Memory and descriptors of the daemon, every second, for each daemon by itself.
import { describeDescriptors, lookUp, measure } from './processes.mjs'

const EVERY_MS = 1000
/** What a figure may differ by between two quiet moments. */
const RSS_GROWTH = 1.1
const FDS_DIFFERENCE = 5
/** A session that was not heard of since the daemon began has no process of its own yet. */
const FDS_OF_PROCESS = 3

/** `expectEnd(pid)`, or `expectEnds()` for as long as it is open, has to be called before a daemon is ended; any other end is a violation. */
export function startSampling({ scratch, log, violation }) {
  const daemons = []
  const expected = new Set()
  let expecting = 0

  /** The one that runs now, null when there is none. */
  function current() {
    const written = scratch.daemon()
    const entry = written && lookUp(written.pid)
    if (!entry) return null
    const last = daemons.at(-1)
    if (last?.pid === entry.pid && last.startedAt === entry.startedAt) return last
    if (last !== undefined && expecting === 0 && !expected.has(last.pid)) violation(`the daemon ${last.pid} ended by itself`)
    log(`  daemon ${entry.pid}`)
    daemons.push({ pid: entry.pid, startedAt: entry.startedAt, firstSeenAt: performance.now(), samples: [], quiet: [] })
    return daemons.at(-1)
  }

  function take() {
    const daemon = current()
    const figures = daemon && measure(daemon.pid)
    if (figures) daemon.samples.push({ ...figures, ageMs: performance.now() - daemon.firstSeenAt })
    return figures
  }
  const timer = setInterval(take, EVERY_MS).unref()

  return {
    daemons,
    expectEnd: (pid) => expected.add(pid),
    /** Whichever daemon ends until the function it gives is called. */
    expectEnds() {
      expecting++
      return () => {
        current()
        expecting--
      }
    },
    /** The figures of a moment at which nothing is under way; `figures`: of several looks within it, `processes`: how many the daemon has. */
    noteQuiet(figures, processes) {
      const daemon = current()
      if (daemon === null || figures.length === 0) return
      const quiet = { rssBytes: Math.min(...figures.map(({ rssBytes }) => rssBytes)), fds: Math.min(...figures.map(({ fds }) => fds)), processes, ageMs: performance.now() - daemon.firstSeenAt }
      daemon.quiet.push(quiet)
      log(`quiet: daemon ${daemon.pid} ${(quiet.rssBytes / 2 ** 20).toFixed(1)} MB, ${quiet.fds} descriptors, ${processes} processes (now ${describeDescriptors(daemon.pid)})`)
    },
    take,
    stop: () => clearInterval(timer),
  }
}

/**
 * First and last quiet moment after the warm-up of the daemon that lived longest, and what is wrong with them. Memory is
 * judged only when `judgesMemory`: a heap that is a minute old still grows to its size.
 */
export function compareQuiet(daemons, { warmUpMs, judgesMemory }) {
  const lasting = daemons.map((daemon) => ({ daemon, warm: daemon.quiet.filter(({ ageMs }) => ageMs >= warmUpMs) })).toSorted((a, b) => b.warm.length - a.warm.length)[0]
  if (lasting === undefined || lasting.warm.length < 2) return { first: null, last: null, problems: judgesMemory ? ['no daemon lived through two quiet moments after the warm-up'] : [] }
  const [first, last] = [lasting.warm[0], lasting.warm.at(-1)]
  const problems = []
  if (judgesMemory && last.rssBytes > first.rssBytes * RSS_GROWTH) problems.push(`memory: grew from ${first.rssBytes} to ${last.rssBytes} bytes between two quiet moments`)
  const expectedFds = first.fds + FDS_OF_PROCESS * (last.processes - first.processes)
  if (Math.abs(last.fds - expectedFds) > FDS_DIFFERENCE) problems.push(`descriptors: ${first.fds} with ${first.processes} processes at the first quiet moment, ${last.fds} with ${last.processes} at the last`)
  return { pid: lasting.daemon.pid, first, last, problems }
}
