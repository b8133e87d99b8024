import type { ProbeSpec } from '../core/index.js'
import { isHost, readPort } from './address.js'
import { group, type Stated } from './field-group.js'
import { duration, filledText, isRecord, list, scalar, url, type Kind } from './kind.js'
import { OR_REFERENCE, textOf } from './schema-part.js'
import { describeKind } from './secret.js'
import type { Spot } from './spot.js'

export interface HealthFields {
  interval: number
  timeout: number
  hungAfter: number
  probe: ProbeSpec
}

const WORDS = ['mcp', 'none'] as const
const ACCEPTS = '"mcp", "none" or an object with one of http, tcp and command'
const WAY_OUT = 'Write "mcp", "none", { "http": "http://127.0.0.1:8000/health" }, { "tcp": "127.0.0.1:5432" } or { "command": "pg_isready", "args": ["-q"] }.'

interface ProbeFields {
  http: string
  tcp: { host: string; port: number }
  command: string
  args: string[]
}

const address: Kind<{ host: string; port: number }> = {
  name: 'text',
  accepts: 'a host and a port such as "127.0.0.1:5432"',
  schema: textOf(`:\\d{1,5}\\s*$${OR_REFERENCE}`),
  read: (value, spot) => {
    const read = filledText.read(value, spot)
    if (read === undefined || (spot.isLenient && read.includes('${'))) return undefined
    const [, bracketed, plain = '', digits = ''] = /^(?:\[([^\]]*)\]|([^:]*)):(\d+)$/.exec(read.trim()) ?? []
    const host = bracketed ?? plain
    const port = readPort(digits)
    if (port !== undefined && isHost(host)) return { host, port }
    // What came from a variable may be anything.
    const shown = spot.source.templates.get(spot.field) ?? read
    spot.problem(`must be ${address.accepts}, not ${JSON.stringify(shown.slice(0, 80))}`, 'Write HOST:PORT, for an IPv6 address [::1]:5432.', shown.slice(0, 80))
    return undefined
  },
}

const probeGroup = group<ProbeFields>(ACCEPTS, {
  http: { kind: url, summary: 'Healthy while a GET of this address is answered with a status from 200 to 399.' },
  tcp: { kind: address, summary: 'Healthy while this address accepts connections.' },
  command: { kind: filledText, summary: 'Healthy while this program ends with exit status 0.' },
  args: { kind: list(scalar, 'a list of texts'), summary: 'Arguments of command.' },
})

function toProbe({ http, tcp, command, args }: Stated<ProbeFields>): ProbeSpec | undefined {
  if (http !== undefined) return { type: 'http', url: http }
  if (tcp !== undefined) return { type: 'tcp', ...tcp }
  return command === undefined ? undefined : { type: 'command', command, args: args ?? [] }
}

/** Which of the forms is meant is one decision: none or several of them is a problem of the whole. */
function checkForms(value: Record<string, unknown>, spot: Spot): boolean {
  const forms = ['http', 'tcp', 'command'].filter((name) => value[name] !== undefined)
  if (forms.length > 1) spot.problem(`names ${forms.join(' and ')}, but a server is probed in one way`, 'Keep one of them.', forms.join(', '))
  // A misspelt form is told by its own name.
  else if (forms.length === 0 && Object.keys(value).every((name) => name === 'args')) spot.problem('says nothing about how to probe', WAY_OUT, JSON.stringify(Object.keys(value)))
  else if (value['args'] !== undefined && value['command'] === undefined) spot.at('args').problem('belongs to a command', 'Add "command", or remove it.')
  return forms.length === 1
}

const probe: Kind<ProbeSpec> = {
  ...probeGroup,
  name: 'either',
  choices: WORDS,
  schema: { anyOf: [{ enum: WORDS }, { ...probeGroup.schema, oneOf: ['http', 'tcp', 'command'].map((form) => ({ required: [form] })), dependentRequired: { args: ['command'] } }] },
  read: (value, spot) => {
    const word = WORDS.find((each) => each === value)
    if (word !== undefined) return { type: word }
    if (!isRecord(value)) {
      const shown = typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : describeKind(value)
      spot.problem(`must be ${ACCEPTS}, not ${shown}`, WAY_OUT, shown)
      return undefined
    }
    const isOne = checkForms(value, spot)
    const read = probeGroup.read(value, spot)
    return isOne && read ? toProbe(read) : undefined
  },
}

/** When and how a server is asked whether it works. */
export const health: Kind<Stated<HealthFields>> = group<HealthFields>('an object with interval, timeout, hungAfter and probe', {
  interval: { kind: duration(1), summary: 'Time between probes.' },
  timeout: { kind: duration(1), summary: 'Time for an answer. Default: the interval, at most 5s.' },
  hungAfter: { kind: duration(1), summary: 'With calls under way: silence without any use of the processor for this long counts as hung.' },
  probe: { kind: probe, summary: 'How it is asked: in its own protocol, over HTTP, by a TCP connection, with a command, or not at all.' },
})
