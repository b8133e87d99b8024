import { Listr, ListrLogger, ProcessOutput } from 'listr2'
import { createPaint, type Io } from '../cli/index.js'
import type { ServerSnapshot } from '../core/index.js'
import { describeStart, type StartView } from './start-view.js'
import { judgeStart } from './watch.js'

interface Row {
  update(title: string): void
  settle(error?: Error): void
  isSettled(): boolean
  readonly settled: Promise<void>
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
      task: async (_context: unknown, task: { title: string }) => {
        row.update = (title) => {
          task.title = title
        }
        const known = latest.get(name)
        if (known) row.update(titleOf(known))
        await row.settled
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
      if (verdict === 'good') row.settle()
      if (verdict === 'bad') row.settle(new Error(server.reason))
    },
    async finish() {
      clearInterval(refresh)
      for (const [name, row] of rows) {
        const server = latest.get(name)
        if (server && server.phase !== 'ready') row.settle(new Error(server.reason))
        else row.settle()
      }
      await running
    },
  }
}

function createRow(): Row {
  let settle: (error?: Error) => void = () => undefined
  let isSettled = false
  const settled = new Promise<void>((resolve, reject) => {
    settle = (error) => (error ? reject(error) : resolve())
  })
  settled.catch(() => undefined)
  return {
    update: () => undefined,
    settle: (error) => {
      isSettled = true
      settle(error)
    },
    isSettled: () => isSettled,
    settled,
  }
}
