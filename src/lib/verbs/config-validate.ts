import { defineVerb } from '../cli/index.js'
import { McpctlError } from '../errors/index.js'
import { CONFIG_FLAG } from './start.js'

export const configValidate = defineVerb({
  id: 'config validate',
  summary: 'Check the configuration without starting anything.',
  description: 'Checks syntax, fields, values, variables, dependencies, and that commands and working folders exist on this machine. Exits 5 with every problem found.',
  examples: ['config validate', 'config validate --config mcp.config.yaml --json'],
  flags: { config: CONFIG_FLAG },
  run: async ({ flags }, io) => {
    const { checkEnvironment, loadConfig } = await import('../config/index.js')
    const config = await loadConfig({ cwd: io.cwd, env: io.env, ...(flags.config === undefined ? {} : { configPath: flags.config }) })
    const problems = config.servers.filter((spec) => spec.enabled).flatMap((spec) => checkEnvironment(spec))
    if (problems.length > 0) {
      throw new McpctlError('CONFIG_INVALID', problems.map((problem) => `${problem.file}: ${problem.field}: ${problem.message}`).join('\n'), {
        ...(problems[0]?.hint === undefined ? {} : { hint: problems[0].hint }),
        details: { source: config.source, problems },
      })
    }
    for (const warning of config.warnings) io.say(`warning: ${warning}`)
    const count = config.servers.length
    if (!io.json) io.out(`${config.source}: ${count} server${count === 1 ? '' : 's'}, no problem found`)
    return { json: { source: config.source, files: config.files, servers: config.servers.map((spec) => spec.name), warnings: config.warnings, problems: [] } }
  },
})
