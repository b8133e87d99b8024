import { setImmediate as nextTurn } from 'node:timers/promises'
import type { MetricsSnapshot } from '../core/index.js'
import type { Monitor, MonitorPage } from '../gateway/index.js'
import { chooseFormat, CONTENT_TYPES, writePrometheus, type FiguresSource, type Format } from '../metrics/index.js'
import { collectHealth } from './health-document-facts.js'
import { describeFleetHealth, describeServerHealth, describeUnknown, healthHttpStatus } from './health-document.js'
import { createSelfMeter } from './prometheus-self.js'
import { toPrometheusView } from './prometheus-view.js'
import { shareFor } from './share.js'
import type { Supervisor } from './supervisor.js'

export interface MonitorOptions {
  readonly supervisor: Supervisor
  readonly figures: FiguresSource
  readonly version: string
  /** Of the daemon, epoch milliseconds. */
  readonly startedAt: number
  readonly now: () => number
  /** Whether figures are shown under names that hold servers' names as well. */
  readonly compat: () => boolean
}

/** However many ask, and however often, a page is made once in this time: the message path must not feel it. */
const FRESH_MS = 1000
const JSON_TYPE = 'application/json'

/** What the HTTP front shows to monitoring systems. Its owner calls `close`. */
export function createMonitor(options: MonitorOptions): Monitor & { close(): void } {
  const { supervisor, figures, version, startedAt, now } = options
  const self = createSelfMeter(version, startedAt)
  const snapshot = shareFor(FRESH_MS, () => figures.snapshot())
  const view = shareFor(FRESH_MS, async () => {
    const [figuresNow, daemon] = await Promise.all([snapshot(), self.measure()])
    return toPrometheusView(supervisor, figures, figuresNow, daemon)
  })
  const makePage = async (format: Format): Promise<MonitorPage> => ({ status: 200, contentType: CONTENT_TYPES[format], body: await collect(writePrometheus(await view(), format, options.compat())) })
  const pages = { text: shareFor(FRESH_MS, () => makePage('text')), openmetrics: shareFor(FRESH_MS, () => makePage('openmetrics')) }
  const facts = (metrics: MetricsSnapshot) => collectHealth(supervisor, metrics, { version, startedAt, now: now() })
  return {
    metrics: (accept) => pages[chooseFormat(accept)](),
    async health(name) {
      const fleet = facts(await snapshot())
      const document = name === null ? describeFleetHealth(fleet) : describeServerHealth(fleet, name)
      if (document === null) return toPage(404, describeUnknown(fleet, name ?? ''))
      return toPage(healthHttpStatus(document), document)
    },
    close: () => { self.close() },
  }
}

function toPage(status: number, document: object): MonitorPage {
  return { status, contentType: JSON_TYPE, body: [Buffer.from(`${JSON.stringify(document)}\n`)] }
}

/** Others get their turn after each piece. */
async function collect(pieces: Iterable<string>): Promise<Buffer[]> {
  const body: Buffer[] = []
  for (const piece of pieces) {
    body.push(Buffer.from(piece))
    await nextTurn()
  }
  return body
}
