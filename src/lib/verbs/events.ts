import { createPaint, defineVerb, neutralise, phaseStyle, SCHEMA_VERSION, type Io } from '../cli/index.js'
import { connectControl, resolveHome, VERSION, type ControlEvent } from '../control/index.js'
import { McpctlError } from '../errors/index.js'
import { expandNames } from './names.js'

export const events = defineVerb({
  id: 'events',
  summary: 'Follow what happens to servers, as it happens.',
  description: 'One line per change of phase, with its reason, until interrupted or until the daemon ends. With --json: one JSON object a line.',
  examples: ['events', 'events files', 'events --json'],
  names: { summary: 'Only these servers.', required: false },
  flags: {},
  run: async ({ names }, io) => {
    const client = await connectControl(resolveHome(io.env), VERSION)
    if (client === null) throw new McpctlError('NOT_RUNNING', 'the daemon is not running', { hint: 'mcpctl start' })
    try {
      const { servers } = await client.request('snapshot', { names: null, detail: false })
      const wanted = names.length === 0 ? null : new Set(expandNames(names, servers.map((server) => server.name)))
      const stream = client.subscribe((event) => show(event, wanted, io))
      const aborted = new Promise<void>((resolve) => {
        io.signal.addEventListener('abort', () => resolve(), { once: true })
        if (io.signal.aborted) resolve()
      })
      await Promise.race([stream.catch(() => undefined), aborted])
      // An interrupt is how one ends this; a lost daemon is worth a word.
      if (!io.signal.aborted) io.say('the daemon ended')
      return {}
    } finally {
      client.close()
    }
  },
})

function show(event: ControlEvent, wanted: ReadonlySet<string> | null, io: Io): void {
  if (event.type === 'snapshot') return
  if (event.type === 'server' && event.previous === event.server.phase) return
  const name = event.type === 'server' ? event.server.name : event.type === 'removed' ? event.name : null
  if (wanted !== null && (name === null || !wanted.has(name))) return
  if (io.json) return io.out(JSON.stringify({ schemaVersion: SCHEMA_VERSION, ...event }))
  const paint = createPaint(io.outTerminal.color)
  const time = paint('dim', new Date(event.time).toISOString())
  if (event.type === 'closing') return io.out(`${time}  daemon ends`)
  if (event.type === 'removed') return io.out(`${time}  ${event.name}  gone from the configuration`)
  const { server } = event
  io.out(`${time}  ${server.name}  ${paint(phaseStyle(server.phase), server.phase)}  #${server.generation}  ${neutralise(server.reason)}`)
}
