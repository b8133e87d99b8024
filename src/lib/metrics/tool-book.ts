import type { ToolFigures } from '../core/index.js'
import type { ToolView } from './prometheus-view.js'
import { Traffic, type CountedEnd } from './traffic.js'

type Kind = ToolFigures['kind']

/** Names of each kind that are told apart. Whoever makes up names without end fills no memory. */
export const MAX_TOOLS = 500
const OTHERS = '(other)'

const KINDS: Readonly<Record<string, Kind | undefined>> = { 'tools/call': 'tool', 'prompts/get': 'prompt', 'resources/read': 'resource' }

/** What was counted of each tool, prompt and other method of one server. */
export class ToolBook {
  readonly #kinds = new Map<Kind, Map<string, Traffic>>()
  readonly #all: { readonly kind: Kind; readonly name: string; readonly traffic: Traffic }[] = []

  began(now: number, method: string, target: string | null): void {
    this.#of(method, target).began(now)
  }

  ended(now: number, { method, target, bytesIn }: { readonly method: string; readonly target: string | null; readonly bytesIn: number }, end: CountedEnd): void {
    this.#of(method, target).ended(now, bytesIn, end)
  }

  figures(now: number): ToolFigures[] {
    return [...this.#kinds].flatMap(([kind, tools]) => [...tools].map(([name, traffic]) => ({ name, kind, ...traffic.figures(now) })))
  }

  /** In the order of their first calls. */
  views(): ToolView[] {
    return this.#all.map(({ kind, name, traffic }) => ({ name, kind, outcomes: traffic.outcomes, count: traffic.answered, sumSeconds: traffic.sumSeconds }))
  }

  #of(method: string, target: string | null): Traffic {
    const kind = KINDS[method] ?? 'other'
    // URIs are without number, and may hold what is nobody's business.
    const name = kind === 'tool' || kind === 'prompt' ? (target ?? OTHERS) : method
    let tools = this.#kinds.get(kind)
    if (tools === undefined) {
      tools = new Map<string, Traffic>()
      this.#kinds.set(kind, tools)
    }
    const known = tools.get(name) ?? (tools.size >= MAX_TOOLS ? tools.get(OTHERS) : undefined)
    if (known !== undefined) return known
    const made = new Traffic()
    const shown = tools.size >= MAX_TOOLS ? OTHERS : name
    tools.set(shown, made)
    this.#all.push({ kind, name: shown, traffic: made })
    return made
  }
}
