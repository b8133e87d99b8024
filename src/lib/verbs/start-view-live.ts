import { Listr, ListrLogger, ProcessOutput } from 'listr2'
import { createPaint, type Io } from '../cli/index.js'
import type { ServerSnapshot } from '../core/index.js'
import { describeStart, type StartView } from './start-view.js'
import { judgeStart, type Verdict } from './watch.js'

interface Row {
  update(title: string): void
  settle(outcome: Verdict): void
  isSettled(): boolean
  readonly settled: Promise<Verdict>
}

/** The redrawing list on a terminal: a line per server with its phase, seconds and what it waits for. */
export function createLiveStartView(io: Io, names: readonly string[], width: number, startedAt: number): StartView {
  const style = { paint: createPaint(io.sayTerminal.color), width }
  const latest = new Map<string, ServerSnapshot>()
  const rows = new Map(names.map((name) => [name, createRow()]))
  const titleOf = (server: ServerSnapshot): string => describeStart(server, performance.now() - startedAt, style)
  const refresh = setInterval(() => {
    for (const [name, server] of latest) if (rows.get(name)?.isSettled() === false) rows.get(name)?.update(titleOf(server))
  }, 100)
  refresh.unref()

  const tasks = new Listr(
    [...rows].map(([name, row]) => ({
      title: name.padEnd(width),
      task: async (_context: unknown, task: { title: string; skip(): void }) => {
        row.update = (title) => {
          task.title = title
        }
        const known = latest.get(name)
        if (known) row.update(titleOf(known))
        const outcome = await row.settled
        if (outcome === 'bad') throw new Error(name)
        // Nobody waits for it any longer, but it has not failed.
        if (outcome === 'open') task.skip()
      },
    })),
    {
      concurrent: true,
      exitOnError: false,
      registerSignalListeners: false,
      rendererOptions: { collapseErrors: false, showErrorMessage: false, logger: new ListrLogger({ processOutput: new ProcessOutput(process.stderr, process.stderr) }) },
    },
  )
  const running = tasks.run().catch(() => undefined)

  return {
    onChange(server) {
      latest.set(server.name, server)
      const row = rows.get(server.name)
      if (!row || row.isSettled()) return
      row.update(titleOf(server))
      const verdict = judgeStart(server, latest)
      if (verdict !== 'open') row.settle(verdict)
    },
    async finish() {
      clearInterval(refresh)
      for (const [name, row] of rows) row.settle(judgeStart(latest.get(name), latest))
      await running
    },
  }
}

function createRow(): Row {
  let resolve: (outcome: Verdict) => void = () => undefined
  let isSettled = false
  const settled = new Promise<Verdict>((done) => {
    resolve = done
  })
  return {
    update: () => undefined,
    settle: (outcome) => {
      isSettled = true
      resolve(outcome)
    },
    isSettled: () => isSettled,
    settled,
  }
}
