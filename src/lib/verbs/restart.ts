import { defineVerb } from '../cli/index.js'
import { openConfigured } from './configured.js'
import { bringUp, CONFIG_FLAG, NO_WAIT_FLAG, readTimeout, TIMEOUT_FLAG } from './start.js'

export const restart = defineVerb({
  id: 'restart',
  summary: 'Restart servers and wait until they are ready again.',
  description: 'Stops and starts the named servers, or all that should be running; a changed configuration takes effect. Servers that were stopped or had failed are started.',
  examples: ['restart', 'restart files'],
  names: { summary: 'Servers to restart; all that should be running when none is named.', required: false },
  flags: { config: CONFIG_FLAG, 'no-wait': NO_WAIT_FLAG, timeout: TIMEOUT_FLAG },
  run: async ({ names, flags }, io) => {
    const timeoutMs = readTimeout(flags.timeout)
    const open = () => openConfigured({ io, configPath: flags.config, names, all: 'running' })
    return bringUp({ io, open, method: 'restart', wait: flags['no-wait'] !== true, timeoutMs })
  },
})
