import { isJsonObject } from '../mcp/index.js'

const MAX_KNOWN = 10_000
const MAX_DEPTH = 8

/**
 * Which server was seen to name a resource in an answer: results link to resources that stand in no list, and their URIs
 * are passed on as they are, so this is the only way to know where they lead. Bounded; the oldest are forgotten.
 */
export class NamedUris {
  readonly #servers = new Map<string, string>()

  originOf(uri: string): string | null {
    return this.#servers.get(uri) ?? null
  }

  /** Takes note of the URIs in the text of an answer; text that is no JSON holds none. */
  learn(server: string, text: Buffer): void {
    let answer: unknown
    try {
      answer = JSON.parse(text.toString('utf8'))
    } catch {
      return
    }
    if (isJsonObject(answer)) this.#walk(server, answer['result'], 0)
  }

  #walk(server: string, value: unknown, depth: number): void {
    if (depth > MAX_DEPTH) return
    if (Array.isArray(value)) {
      for (const entry of value) this.#walk(server, entry, depth + 1)
    } else if (isJsonObject(value)) {
      if (value['type'] === 'resource_link') this.#note(server, value['uri'])
      else if (value['type'] === 'resource' && isJsonObject(value['resource'])) this.#note(server, value['resource']['uri'])
      else for (const key of ['content', 'messages', 'contents']) this.#walk(server, value[key], depth + 1)
    }
  }

  #note(server: string, uri: unknown): void {
    if (typeof uri !== 'string' || uri.length > 4096) return
    this.#servers.delete(uri)
    this.#servers.set(uri, server)
    if (this.#servers.size <= MAX_KNOWN) return
    const [oldest] = this.#servers.keys()
    if (oldest !== undefined) this.#servers.delete(oldest)
  }
}
