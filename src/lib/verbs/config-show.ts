import type TableClassType from 'cli-table3'
import { createPaint, defineVerb, neutralise, type Terminal } from '../cli/index.js'
import type { ExplainedValue } from '../config/index.js'
import { CONFIG_FLAG } from './start.js'

type TableClass = typeof TableClassType

const BARE = { top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '', left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '' }

export const configShow = defineVerb({
  id: 'config show',
  summary: 'Show the effective configuration and where each value comes from.',
  description: 'Every setting and every field of every server with its origin: a flag, the environment, a file or the default. Secrets are masked. Needs no daemon.',
  examples: ['config show', 'config show --config .mcp.json --json'],
  flags: { config: CONFIG_FLAG },
  run: async ({ flags }, io) => {
    const { loadConfig } = await import('../config/index.js')
    const { explained, source, files, warnings } = await loadConfig({ cwd: io.cwd, env: io.env, ...(flags.config === undefined ? {} : { configPath: flags.config }) })
    for (const warning of warnings) io.say(`warning: ${warning}`)
    if (!io.json) {
      const { default: Table } = await import('cli-table3')
      const paint = createPaint(io.outTerminal.color)
      const renderValues = createRenderer(Table, io.outTerminal)
      io.out(`${paint('bold', 'configuration')}  ${source}`)
      for (const file of files.filter((other) => other !== source)) io.out(`  ${paint('dim', 'and')} ${file}`)
      io.out(`\n${paint('bold', 'settings')}\n${renderValues(explained.settings)}`)
      for (const server of explained.servers) io.out(`\n${paint('bold', server.name)}  ${paint('dim', server.source)}\n${renderValues(server.fields)}`)
    }
    return { json: { source, files, settings: explained.settings, servers: explained.servers, warnings } }
  },
})

/** Field, value, origin; long values wrap inside their column on a terminal. */
function createRenderer(Table: TableClass, terminal: Terminal): (values: readonly ExplainedValue[]) => string {
  const columns = Number.isFinite(terminal.columns) ? terminal.columns : null
  const widthOf = (share: number) => Math.max(12, Math.floor(((columns ?? 0) - 8) * share))
  return (values) => {
    const table = new Table({
      chars: BARE,
      style: { border: [], 'padding-left': 2, 'padding-right': 0 },
      ...(columns === null ? {} : { wordWrap: true, wrapOnWordBoundary: false, colWidths: [widthOf(0.2), widthOf(0.4), widthOf(0.4)] }),
    })
    for (const { field, value, origin } of values) table.push([field, neutralise(Array.isArray(value) ? JSON.stringify(value) : String(value)), origin])
    return table.toString().split('\n').map((line) => line.trimEnd()).join('\n')
  }
}
