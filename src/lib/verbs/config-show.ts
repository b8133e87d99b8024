import { createPaint, defineVerb, type Paint } from '../cli/index.js'
import type { ExplainedValue } from '../config/index.js'
import { CONFIG_FLAG } from './start.js'

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
      const paint = createPaint(io.outTerminal.color)
      io.out(`${paint('bold', 'configuration')}  ${source}`)
      for (const file of files.filter((other) => other !== source)) io.out(`  ${paint('dim', 'and')} ${file}`)
      io.out(`\n${paint('bold', 'settings')}\n${renderValues(explained.settings, paint)}`)
      for (const server of explained.servers) io.out(`\n${paint('bold', server.name)}  ${paint('dim', server.source)}\n${renderValues(server.fields, paint)}`)
    }
    return { json: { source, files, settings: explained.settings, servers: explained.servers, warnings } }
  },
})

function renderValues(values: readonly ExplainedValue[], paint: Paint): string {
  const shown = values.map((entry) => ({ ...entry, text: Array.isArray(entry.value) ? JSON.stringify(entry.value) : String(entry.value) }))
  const fieldWidth = Math.max(0, ...shown.map(({ field }) => field.length))
  const valueWidth = Math.min(48, Math.max(0, ...shown.map(({ text }) => text.length)))
  return shown.map(({ field, text, origin }) => `  ${field.padEnd(fieldWidth)}  ${text.padEnd(valueWidth)}  ${paint('dim', origin)}`).join('\n')
}
