import type { ToolSpec, TrafficSpec } from '../core/index.js'

/** What the configuration says about the tools of one server. Names are the server's own. */
export interface ToolFilter {
  /** Whether clients may see and call the tool. */
  admits(name: string): boolean
  /** What is said about this tool alone. */
  specOf(name: string): ToolSpec | null
  /** Names in the configuration, patterns left out, that none of these tools has. */
  unused(names: ReadonlySet<string>): string[]
}

export function createToolFilter({ allow, deny, tools }: TrafficSpec): ToolFilter {
  const allowed = allow === null ? null : allow.map(toMatcher)
  const denied = deny.map(toMatcher)
  const specOf = (name: string): ToolSpec | null => (Object.hasOwn(tools, name) ? (tools[name] ?? null) : null)
  return {
    specOf,
    admits: (name) => specOf(name)?.enabled !== false && (allowed === null || allowed.some((matches) => matches(name))) && !denied.some((matches) => matches(name)),
    unused: (names) => [...new Set([...(allow ?? []), ...deny, ...Object.keys(tools)])].filter((name) => !name.includes('*') && !names.has(name)),
  }
}

/** Whether a name fits a pattern in which `*` stands for any text. Linear: each piece is looked for once, from the left. */
export function toMatcher(pattern: string): (name: string) => boolean {
  const [first = '', ...rest] = pattern.split('*')
  const last = rest.pop()
  if (last === undefined) return (name) => name === pattern
  return (name) => {
    if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false
    const end = name.length - last.length
    let at = first.length
    for (const piece of rest) {
      const found = name.indexOf(piece, at)
      if (found === -1 || found + piece.length > end) return false
      at = found + piece.length
    }
    return true
  }
}
