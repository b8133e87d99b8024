import { createPaint, defineVerb, neutralise, phaseStyle, SCHEMA_VERSION, type Io, type Paint } from '../cli/index.js'
import { connectControl, resolveHome, VERSION, type ControlEvent } from '../control/index.js'
import { describeHeld, type ServerSnapshot } from '../core/index.js'
import { McpctlError } from '../errors/index.js'
import { expandNames } from './names.js'

export const events = defineVerb({
  id: 'events',
  summary: 'Follow what happens to servers, as it happens.',
  description: 'One line per change of phase or of a breaker, with its reason, until interrupted or until the daemon ends. With --json: one JSON object a line.',
  examples: ['events', 'events files', 'events --json'],
  names: { summary: 'Only these servers.', required: false },
  flags: {},
  run: async ({ names }, io) => {
    const client = await connectControl(resolveHome(io.env), VERSION)
    if (client === null) throw new McpctlError('NOT_RUNNING', 'the daemon is not running', { hint: 'mcpctl start' })
    try {
      const { servers } = await client.request('snapshot', { names: null, detail: false })
      const wanted = names.length === 0 ? null : new Set(expandNames(names, servers))
      const following: Following = { wanted, holds: new Map() }
      const stream = client.subscribe((event) => show(event, following, io))
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

interface Following {
  readonly wanted: ReadonlySet<string> | null
  /** What was quarantined when it was told last, by server. */
  readonly holds: Map<string, string>
}

function takeHolds({ name, held = [] }: ServerSnapshot, holds: Map<string, string>): boolean {
  const [now, before] = [JSON.stringify(held), holds.get(name) ?? '[]']
  holds.set(name, now)
  return now !== before
}

function show(event: ControlEvent, { wanted, holds }: Following, io: Io): void {
  if (event.type === 'snapshot') return event.snapshot.servers.forEach((server) => { takeHolds(server, holds) })
  const isHold = event.type === 'server' && takeHolds(event.server, holds)
  if (event.type === 'server' && event.previous === event.server.phase && !isHold) return
  const name = event.type === 'server' ? event.server.name : event.type === 'closing' ? null : event.name
  if (wanted !== null && (name === null || !wanted.has(name))) return
  if (io.json) return io.out(JSON.stringify({ schemaVersion: SCHEMA_VERSION, ...event }))
  for (const line of describeEvent(event, isHold, createPaint(io.outTerminal.color))) io.out(line)
}

function describeEvent(event: Exclude<ControlEvent, { type: 'snapshot' }>, isHold: boolean, paint: Paint): string[] {
  const time = paint('dim', new Date(event.time).toISOString())
  if (event.type === 'closing') return [`${time}  daemon ends`]
  if (event.type === 'removed') return [`${time}  ${event.name}  gone from the configuration`]
  if (event.type === 'breaker') return [`${time}  ${event.name}  breaker ${paint(event.to === 'closed' ? 'green' : 'yellow', event.to)}  ${neutralise(event.reason)}`]
  const { server, previous } = event
  const held = server.held === undefined ? 'nothing is quarantined any more' : paint('yellow', describeHeld(server.name, server.held))
  return [
    ...(isHold ? [`${time}  ${server.name}  ${held}`] : []),
    ...(previous === server.phase ? [] : [`${time}  ${server.name}  ${paint(phaseStyle(server.phase), server.phase)}  #${server.generation}  ${neutralise(server.reason)}`]),
  ]
}
