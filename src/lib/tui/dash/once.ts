import type { ControlClient } from '../../control/index.js'
import { FiguresReader, withFigures } from './figures.js'
import { createData, seeServer, type DashData } from './model.js'
import { createFilter, sortNames, toRow, type Choice } from './rows.js'

/** Everything at one moment, joined; the servers that were chosen, in the chosen order. */
export async function readOnce(client: ControlClient, choice: Choice, now: number): Promise<Record<string, unknown>> {
  const base = createData(now)
  const reader = new FiguresReader(client)
  const figures = await reader.read({ visible: [], open: null }, base, now)
  const servers = new Map((figures.snapshot?.servers ?? []).map((server) => [server.name, seeServer(server, now)]))
  const data = withFigures({ ...base, servers, daemon: figures.snapshot?.daemon ?? null }, figures, now)
  return toDocument(data, choice)
}

function toDocument(data: DashData, choice: Choice): Record<string, unknown> {
  const { metrics } = data
  const names = sortNames(data, choice).filter(createFilter(data, choice))
  const servers = names.map((name) => toRow(data, name)).filter((row) => row !== null)
  const shown = new Set(names)
  return {
    daemon: data.daemon,
    sampledAt: metrics?.sampledAt ?? null,
    servers: servers.map((row) => ({ ...row.server, cpuPercent: row.cpuPercent, memoryBytes: row.memoryBytes, metrics: row.metrics })),
    totals: metrics?.totals ?? null,
    sessions: metrics?.sessions ?? [],
    saved: metrics?.saved ?? null,
    alerts: metrics?.alerts.filter(({ server }) => server === null || shown.has(server)) ?? [],
  }
}
