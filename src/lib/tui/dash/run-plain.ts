import { Feed } from './feed.js'
import type { Look } from './look.js'
import { NOTHING_TOLD, tellChanges } from './plain.js'
import { createFilter, type Choice } from './rows.js'
import type { DashServices } from './services.js'

/** What one step of the daemon changes is told together. */
const GATHER_MS = 20

export interface PlainOptions {
  readonly services: DashServices
  readonly look: Look
  readonly choice: Choice
  readonly intervalMs: number
  readonly out: (line: string) => void
  readonly signal: AbortSignal
}

/** Tells changes line by line until aborted. */
export async function runPlain({ services, look, choice, intervalMs, out, signal }: PlainOptions): Promise<void> {
  let told = NOTHING_TOLD
  let timer: NodeJS.Timeout | undefined
  const tell = (): void => {
    timer = undefined
    const { data } = feed
    const { lines, told: now } = tellChanges(told, data, { look, now: services.now(), isShown: createFilter(data, choice) })
    told = now
    for (const line of lines) out(line)
  }
  const onChange = (): void => void (timer ??= setTimeout(tell, GATHER_MS))
  const feed = new Feed(services, { visible: [], open: null, intervalMs, paused: false }, { onChange, onFigures: onChange, onServer: onChange })
  try {
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true })
      if (signal.aborted) resolve()
    })
  } finally {
    clearTimeout(timer)
    feed.close()
  }
}
