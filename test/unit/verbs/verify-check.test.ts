import { describe, expect, it } from 'vitest'
import { checkClient, type Candidate, type Check, type Reference } from '../../../src/lib/verbs/verify-check.js'
import { readTool, type Sight, type VerifyClient, type VerifyClientOptions } from '../../../src/lib/verbs/verify-client.js'

const SAFE = readTool({ name: 'look', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } })
const HOME = readTool({ name: 'look_here', inputSchema: {}, annotations: { readOnlyHint: true, openWorldHint: false } })
const UNSAFE = readTool({ name: 'delete', inputSchema: { type: 'object' } })
const NEEDY = readTool({ name: 'read', inputSchema: { required: ['path'] }, annotations: { readOnlyHint: true } })

function candidate(parts: Partial<VerifyClient> & { tools?: Sight['tools']; asks?: boolean }): { candidate: Candidate; calls: string[] } {
  const calls: string[] = []
  const create = ({ onAsked }: VerifyClientOptions): Promise<VerifyClient> =>
    Promise.resolve({
      connect: () => Promise.resolve('2025-11-25'),
      look: () => Promise.resolve({ tools: parts.tools ?? [], prompts: ['p'], resources: [], resourceTemplates: [] }),
      callTool: (name) => {
        calls.push(`call ${name}`)
        if (parts.asks === true) onAsked('roots/list')
        return Promise.resolve({ isError: false })
      },
      checkLife: () => Promise.resolve('ping'),
      complaints: () => '',
      close: () => Promise.resolve(void calls.push('close')),
      ...parts,
    })
  return { candidate: { name: 'SDK 1', front: { type: 'http', url: 'http://x', headers: {} }, create }, calls }
}

const brief = (checks: readonly Check[]): string[] => checks.map(({ check, outcome, detail }) => `${check} ${outcome}: ${detail}`)

describe('checking with a client', () => {
  it('goes through everything, calls only a tool that is safe, and closes', async () => {
    const { candidate: one, calls } = candidate({ tools: [UNSAFE, NEEDY, SAFE, HOME], asks: true })
    const { checks, sight } = await checkClient(one, 1000, null)
    expect(brief(checks)).toEqual([
      'connect ok: protocol version 2025-11-25', 'list ok: 4 tools, 1 prompts, 0 resources, 0 templates', 'call ok: look_here answered', 'life ok: answers ping', 'questions ok: answered roots/list',
    ])
    expect(calls).toEqual(['call look_here', 'close'])
    expect(sight?.tools).toHaveLength(4)
  })

  it('calls nothing when nothing is safe, and says so', async () => {
    const { candidate: one, calls } = candidate({ tools: [UNSAFE, NEEDY] })
    const { checks } = await checkClient(one, 1000, null)
    expect(brief(checks).slice(2)).toEqual(['call skipped: no tool is marked as read-only and works without arguments', 'life ok: answers ping', 'questions skipped: no server asked anything'])
    expect(calls).toEqual(['close'])
  })

  it('fails alone what fails', async () => {
    const { candidate: one, calls } = candidate({ tools: [SAFE], callTool: () => Promise.reject(new Error('timed out')), checkLife: () => Promise.reject(new Error('dead')) })
    const { checks } = await checkClient(one, 1000, null)
    expect(checks.map(({ outcome }) => outcome)).toEqual(['ok', 'ok', 'failed', 'failed', 'skipped'])
    expect(calls).toEqual(['close'])
  })

  it('ends with the connection, tells what the proxy said, and still closes', async () => {
    const { candidate: one, calls } = candidate({ connect: () => Promise.reject(new Error('closed')), complaints: () => 'error: no configuration' })
    const { checks, sight } = await checkClient(one, 1000, null)
    expect(brief(checks)).toEqual(['connect failed: closed; mcpctl proxy said: error: no configuration'])
    expect(sight).toBeNull()
    expect(calls).toEqual(['close'])
  })

  it('notices a catalogue that is not the same', async () => {
    const reference = (tools: Sight['tools']): Reference => ({ by: 'SDK 2 over stdio', sight: { tools, prompts: ['p'], resources: [], resourceTemplates: [] } })
    const compare = async (tools: Sight['tools']): Promise<string | undefined> => brief((await checkClient(candidate({ tools: [SAFE, UNSAFE] }).candidate, 1000, reference(tools))).checks)[2]
    expect(await compare([SAFE, UNSAFE])).toBe('catalogue ok: the same as for SDK 2 over stdio')
    expect(await compare([SAFE, UNSAFE, HOME])).toBe('catalogue failed: SDK 2 over stdio sees tools that this client does not: look_here')
    expect(await compare([SAFE])).toBe('catalogue failed: this client sees tools that SDK 2 over stdio does not: delete')
    expect(await compare([UNSAFE, SAFE])).toBe('catalogue failed: tools come in another order than for SDK 2 over stdio')
  })
})
