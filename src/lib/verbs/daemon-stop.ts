import { defineVerb } from '../cli/index.js'
import { connectControl, resolveHome, VERSION } from '../control/index.js'
import { stopEverything } from './stop.js'

export const daemonStop = defineVerb({
  id: 'daemon stop',
  summary: 'Stop every server and end the daemon.',
  examples: ['daemon stop'],
  flags: {},
  run: async (_input, io) => {
    const client = await connectControl(resolveHome(io.env), VERSION)
    if (client === null) {
      io.say('nothing is running')
      return { json: { stopped: [], daemon: null } }
    }
    try {
      return await stopEverything(client, io, performance.now())
    } finally {
      client.close()
    }
  },
})
