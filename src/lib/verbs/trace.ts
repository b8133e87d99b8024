import { defineVerb, SCHEMA_VERSION, type Io } from '../cli/index.js'
import { connectControl, resolveHome, VERSION, type ControlClient, type TraceParams } from '../control/index.js'
import { MAX_TRACED_BYTES, type TraceEvent } from '../core/index.js'
import { McpctlError } from '../errors/index.js'
import { expandNames } from './names.js'
import { createTraceFilter, readLast, readTraceDuration, type TraceFlags } from './trace-filter.js'
import { TRACE_FLAGS } from './trace-flags.js'
import { renderTraceEvent, type TraceLook } from './trace-render.js'

/** What a regular expression is looked for in, of each message. */
const SEARCHED_BYTES = 64 * 1024
/** More than the daemon remembers of any server. */
const ALL_REMEMBERED = 1000

export const trace = defineVerb({
  id: 'trace',
  summary: 'Watch the messages between the gateway and the servers, live and decoded.',
  description:
    'One line per message: time, direction (→ to the server, ← from it), id, method, tool, for answers how long they took, size, and what it says. Secrets are masked. Goes on over restarts of the servers, until interrupted or until the daemon ends. Nothing is traced while nobody looks; whoever reads slowly is told how many messages were left out.',
  examples: ['trace', 'trace files --errors', "trace --tool 'read_*' --slow 250", 'trace files --last 16 --no-follow', 'trace db --body --duration 1m', 'trace --json | jq -c "select(.failed)"'],
  names: { summary: 'Only these servers.', required: false },
  flags: TRACE_FLAGS,
  run: async ({ names, flags }, io) => {
    const filter = createTraceFilter(flags)
    const durationMs = readTraceDuration(flags.duration)
    const query = toQuery(flags)
    const client = await connectControl(resolveHome(io.env), VERSION)
    if (client === null) throw new McpctlError('NOT_RUNNING', 'the daemon is not running', { hint: 'mcpctl start' })
    try {
      const { servers } = await client.request('snapshot', { names: null, detail: false })
      const known = servers.map(({ name }) => name)
      const wanted = names.length === 0 ? null : expandNames(names, known)
      const show = await createShow(io, wanted ?? known, flags)
      if (query.follow && io.sayTerminal.interactive) io.say(`watching ${(wanted ?? known).length === 1 ? (wanted ?? known).join('') : `${(wanted ?? known).length} servers`}; Ctrl-C ends`)
      let shown = 0
      let isAnnounced = false
      const onEvent = (event: TraceEvent): void => {
        if (event.type === 'message' && !filter(event)) return
        shown++
        if (event.type === 'closing') isAnnounced = true
        show(event)
      }
      const over = await watch(client, { ...query, names: wanted }, { onEvent, durationMs, signal: io.signal })
      if (over === 'lost' && !isAnnounced) io.say('the daemon ended')
      else if (over === 'done' && shown === 0) io.say('the daemon remembers no such message')
      return {}
    } finally {
      client.close()
    }
  },
})

function toQuery(flags: TraceFlags): Omit<TraceParams, 'names'> {
  const follow = flags['no-follow'] !== true
  return {
    follow,
    last: readLast(flags.last) ?? (follow ? 0 : ALL_REMEMBERED),
    textBytes: flags.body === true ? MAX_TRACED_BYTES : flags.grep === undefined ? 0 : SEARCHED_BYTES,
    probes: flags.probes === true,
  }
}

/** Looks on until the stream is over (`done`), the daemon is gone (`lost`), or it is enough (`stopped`). */
async function watch(client: ControlClient, params: TraceParams, { onEvent, durationMs, signal }: { onEvent: (event: TraceEvent) => void; durationMs: number | null; signal: AbortSignal }): Promise<'done' | 'lost' | 'stopped'> {
  let timer: NodeJS.Timeout | undefined
  const enough = new Promise<'stopped'>((resolve) => {
    if (durationMs !== null) timer = setTimeout(() => resolve('stopped'), durationMs)
    signal.addEventListener('abort', () => resolve('stopped'), { once: true })
    if (signal.aborted) resolve('stopped')
  })
  const stream = client.trace(params, onEvent).then(() => 'done' as const, (error: unknown) => {
    // A daemon that ends is how this ends; one that refuses is worth its error.
    if (error instanceof McpctlError && error.code === 'DAEMON_UNREACHABLE') return 'lost' as const
    throw error
  })
  try {
    return await Promise.race([stream, enough])
  } finally {
    clearTimeout(timer)
  }
}

async function createShow(io: Io, names: readonly string[], flags: TraceFlags): Promise<(event: TraceEvent) => void> {
  if (io.json) return (event) => io.out(JSON.stringify({ schemaVersion: SCHEMA_VERSION, ...toJson(event, flags.body === true) }))
  const terminal = io.outTerminal
  const look: TraceLook = {
    terminal,
    only: names.length === 1 ? (names[0] ?? null) : null,
    nameChars: Math.max(0, ...names.map((name) => name.length)),
    body: flags.body === true,
    // Only a terminal has cells to count.
    widthOf: terminal.interactive ? (await import('string-width')).default : (text) => text.length,
  }
  return (event) => io.out(renderTraceEvent(event, look))
}

/** The text as what it is, where it is whole: `jq .body.params`. Text that only served a search is left out. */
function toJson(event: TraceEvent, body: boolean): Record<string, unknown> {
  if (event.type !== 'message') return { ...event }
  const { text, cut, ...message } = event
  if (!body || text === undefined) return message
  const parsed = cut === true ? null : parse(text)
  return parsed === null ? { ...message, body: null, text, cut } : { ...message, body: parsed }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
