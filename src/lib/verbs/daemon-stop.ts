import { defineVerb } from '../cli/index.js'
import { stopEverything, withDaemon } from './stop.js'

export const daemonStop = defineVerb({
  id: 'daemon stop',
  summary: 'Stop every server and end the daemon.',
  examples: ['daemon stop'],
  flags: {},
  run: (_input, io) => withDaemon(io, (client, startedAt) => stopEverything(client, io, startedAt)),
})
