import { sample } from './prometheus-series.js'
import { cleanName, labels, type Family, type Sample } from './prometheus-text.js'
import { OUTCOMES, type Outcome, type ServerView, type ToolView } from './prometheus-view.js'

/** Tools of one server that are shown by name; what is called after that many counts together. */
const MOST_NAMED = 100
const LONGEST_NAME = 120
const REST = '(other)'
/** Addresses of resources are without number, and may hold what is nobody's business. */
const RESOURCES = '(resources)'

interface Sum {
  readonly kind: ToolView['kind']
  readonly outcomes: Record<Outcome, number>
  count: number
  sumSeconds: number
}

/** What is known of single tools and prompts. Only outcomes that occurred have a line, and `ok`. */
export function* toolFamilies(servers: readonly ServerView[]): Generator<Family> {
  const bounded = servers.map(({ name, traffic }) => ({ server: name, tools: boundTools(traffic?.tools ?? []) }))
  yield { name: 'mcpctl_tool_requests_total', type: 'counter', help: 'Requests for one tool, prompt or other method of a server by how they ended.', samples: requests(bounded) }
  yield { name: 'mcpctl_tool_request_duration_seconds', type: 'summary', help: 'Time until the requests for it were answered or given up.', samples: durations(bounded) }
}

type Bounded = readonly { readonly server: string; readonly tools: ReadonlyMap<string, Sum> }[]

function* requests(bounded: Bounded): Generator<Sample> {
  for (const { server, tools } of bounded) {
    for (const [tool, { kind, outcomes }] of tools) {
      for (const outcome of OUTCOMES) {
        if (outcome === 'ok' || outcomes[outcome] > 0) yield sample(outcomes[outcome], ['server', server], ['kind', kind], ['tool', nameOf(tool)], ['outcome', outcome])
      }
    }
  }
}

function* durations(bounded: Bounded): Generator<Sample> {
  for (const { server, tools } of bounded) {
    for (const [tool, { kind, count, sumSeconds }] of tools) {
      const common = labels(['server', server], ['kind', kind], ['tool', nameOf(tool)])
      yield { suffix: '_sum', labels: common, value: sumSeconds }
      yield { suffix: '_count', labels: common, value: count }
    }
  }
}

/** Keyed by kind and name. The first ones called keep their names for good, so no series ever falls. */
function boundTools(tools: readonly ToolView[]): Map<string, Sum> {
  const sums = new Map<string, Sum>()
  for (const tool of tools) {
    const known = keyOf(tool.kind, tool.kind === 'resource' ? RESOURCES : cleanName(tool.name, LONGEST_NAME))
    const key = sums.has(known) || sums.size < MOST_NAMED ? known : keyOf(tool.kind, REST)
    const sum = sums.get(key) ?? { kind: tool.kind, outcomes: { ok: 0, failed: 0, error: 0, lost: 0, cancelled: 0 }, count: 0, sumSeconds: 0 }
    for (const outcome of OUTCOMES) sum.outcomes[outcome] += tool.outcomes[outcome]
    sum.count += tool.count
    sum.sumSeconds += tool.sumSeconds
    sums.set(key, sum)
  }
  return sums
}

function keyOf(kind: string, name: string): string {
  return `${kind} ${name}`
}

function nameOf(key: string): string {
  return key.slice(key.indexOf(' ') + 1)
}
