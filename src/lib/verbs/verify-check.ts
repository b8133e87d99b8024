import type { Asked, Front, Sight, VerifyClient, VerifyClientOptions } from './verify-client.js'

export interface Check {
  /** How the client came in. */
  readonly front: Front['type']
  /** Which client. */
  readonly client: string
  readonly check: 'connect' | 'list' | 'catalogue' | 'call' | 'questions' | 'life'
  readonly outcome: 'ok' | 'failed' | 'skipped'
  /** What was seen, or why not. */
  readonly detail: string
  readonly durationMs: number
}

export interface Candidate {
  readonly name: string
  readonly front: Front
  readonly create: (options: VerifyClientOptions) => Promise<VerifyClient>
}

/** What an earlier client saw, for comparison. */
export interface Reference {
  readonly by: string
  readonly sight: Sight
}

/**
 * Takes one client through everything: connect, list, compare, call, be asked, prove life. A failed check does not keep
 * the others from being made, save for the connection, without which there are none. Never rejects.
 */
export async function checkClient(candidate: Candidate, timeoutMs: number, reference: Reference | null): Promise<{ checks: Check[]; sight: Sight | null }> {
  const asked = new Map<Asked, number>()
  const checks: Check[] = []
  const attempt = createAttempt(candidate, checks)
  const client = await attempt('connect', async () => {
    const created = await candidate.create({ front: candidate.front, timeoutMs, onAsked: (method) => asked.set(method, (asked.get(method) ?? 0) + 1) })
    try {
      return { value: created, detail: `protocol version ${await created.connect()}` }
    } catch (error) {
      const complaints = created.complaints()
      await created.close().catch(() => undefined)
      throw complaints === '' ? error : new Error(`${messageOf(error)}; mcpctl proxy said: ${complaints}`, { cause: error })
    }
  })
  if (client === null) return { checks, sight: null }
  try {
    const sight = await attempt('list', async () => {
      const value = await client.look()
      return { value, detail: `${value.tools.length} tools, ${value.prompts.length} prompts, ${value.resources.length} resources, ${value.resourceTemplates.length} templates` }
    })
    if (sight !== null && reference !== null) await attempt('catalogue', () => Promise.resolve({ value: null, detail: compare(sight, reference) }))
    await attempt('call', () => callSafeTool(client, sight))
    await attempt('life', async () => ({ value: null, detail: `answers ${await client.checkLife()}` }))
    const told = [...asked].map(([method, times]) => (times === 1 ? method : `${method} (${times} times)`))
    await attempt('questions', () => Promise.resolve(told.length > 0 ? { value: null, detail: `answered ${told.join(', ')}` } : { skipped: 'no server asked anything' }))
    return { checks, sight }
  } finally {
    await client.close().catch(() => undefined)
  }
}

type Attempted<T> = { readonly value: T; readonly detail: string } | { readonly skipped: string }

function createAttempt({ front, name }: Candidate, checks: Check[]) {
  return async <T>(check: Check['check'], make: () => Promise<Attempted<T>>): Promise<T | null> => {
    const startedAt = performance.now()
    const note = (outcome: Check['outcome'], detail: string): void => {
      checks.push({ front: front.type, client: name, check, outcome, detail, durationMs: Math.round(performance.now() - startedAt) })
    }
    try {
      const result = await make()
      if ('skipped' in result) {
        note('skipped', result.skipped)
        return null
      }
      note('ok', result.detail)
      return result.value
    } catch (error) {
      note('failed', messageOf(error))
      return null
    }
  }
}

/** A tool that says it changes nothing and needs to be told nothing; one that stays at home if there is one. */
async function callSafeTool(client: VerifyClient, sight: Sight | null): Promise<Attempted<null>> {
  if (sight === null) return { skipped: 'the tools could not be listed' }
  const safe = sight.tools.filter((tool) => tool.annotations.readOnlyHint && !hasRequired(tool.inputSchema))
  const tool = safe.find((candidate) => !candidate.annotations.openWorldHint) ?? safe[0]
  if (tool === undefined) return { skipped: 'no tool is marked as read-only and works without arguments' }
  const { isError } = await client.callTool(tool.name)
  return { value: null, detail: isError ? `${tool.name} answered that it failed` : `${tool.name} answered` }
}

function hasRequired(schema: unknown): boolean {
  const required = typeof schema === 'object' && schema !== null ? (schema as Record<string, unknown>)['required'] : undefined
  return Array.isArray(required) && required.length > 0
}

const KINDS = ['tools', 'prompts', 'resources', 'resourceTemplates'] as const

/** What both see alike, in words. Throws when they differ. */
function compare(sight: Sight, reference: Reference): string {
  for (const kind of KINDS) {
    const [own, other] = [namesOf(sight, kind), namesOf(reference.sight, kind)]
    const missing = other.filter((name) => !own.includes(name))
    const extra = own.filter((name) => !other.includes(name))
    if (missing.length > 0) throw new Error(`${reference.by} sees ${kind} that this client does not: ${some(missing)}`)
    if (extra.length > 0) throw new Error(`this client sees ${kind} that ${reference.by} does not: ${some(extra)}`)
    if (own.join('\n') !== other.join('\n')) throw new Error(`${kind} come in another order than for ${reference.by}`)
  }
  return `the same as for ${reference.by}`
}

function namesOf(sight: Sight, kind: (typeof KINDS)[number]): readonly string[] {
  return kind === 'tools' ? sight.tools.map((tool) => tool.name) : sight[kind]
}

function some(names: readonly string[]): string {
  return names.length > 5 ? `${names.slice(0, 5).join(', ')} and ${names.length - 5} more` : names.join(', ')
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
