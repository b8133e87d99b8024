import { defineVerb } from '../cli/index.js'
import { resolveHome } from '../control/index.js'
import { connectOrCleanUp, NOTHING_RAN, stopEverything } from './stop.js'

export const daemonStop = defineVerb({
  id: 'daemon stop',
  summary: 'Stop every server and end the daemon.',
  examples: ['daemon stop'],
  flags: {},
  run: async (_input, io) => {
    const home = resolveHome(io.env)
    const client = await connectOrCleanUp(home, io)
    if (client === null) return NOTHING_RAN
    try {
      return await stopEverything(client, io, performance.now())
    } finally {
      client.close()
    }
  },
})
