import { describe, expect, it } from 'vitest'
import { LOCAL, type Access } from '../../../src/lib/gateway/access.js'
import type { LocalTool } from '../../../src/lib/gateway/local-link.js'
import { createAgentTools } from '../../../src/lib/gateway/workflow/agent-tools.js'
import type { StepResult } from '../../../src/lib/gateway/workflow/contract.js'
import { IDLE_MS, MAX_EACH, WorkflowDesk } from '../../../src/lib/gateway/workflow/desk.js'
import { createWorkflowTools } from '../../../src/lib/gateway/workflow/workflow-tools.js'

const NO: StepResult = { end: { type: 'failed', error: 'lost', reason: 'closed', outcome: 'unknown', retryAfterMs: 500 }, blocks: [] }
const OTHER: Access = { ...LOCAL, id: 'key:other', kind: 'key' }
type Answer = Record<string, unknown> & { readonly steps?: Record<string, unknown>[] }

function setup(answer: (tool: string, args: Record<string, unknown>) => Promise<StepResult> | StepResult = (tool, args) => ({ end: { type: 'done', value: { tool, args } }, blocks: [] })) {
  const world = { now: 1_000_000, calls: [] as unknown[][] }
  const desk = new WorkflowDesk(() => world.now)
  const tools: LocalTool[] = [...createAgentTools(desk), ...createWorkflowTools(desk, () => world.now)]
  const steps = {
    look: (tool: string) => (tool.startsWith('no_') ? null : { isRepeatable: tool.startsWith('get_') }),
    call: (tool: string, args: Record<string, unknown>) => { world.calls.push([tool, args]); return Promise.resolve(answer(tool, args)) },
  }
  const call = async (name: string, args: Record<string, unknown> = {}, access: Access = LOCAL): Promise<Answer> => {
    const result = await tools.find(({ definition }) => definition['name'] === name)?.call(args, { access, sight: null, steps })
    const structured = result?.['structuredContent'] as Answer
    expect(JSON.parse((result?.['content'] as { text: string }[])[0]?.text ?? '')).toEqual(structured)
    expect(result?.['isError']).toBe(structured['success'] !== true)
    return structured
  }
  return { world, desk, call, tools }
}

const begin = async ({ call }: Pick<ReturnType<typeof setup>, 'call'>, steps: unknown[] = [], more: Record<string, unknown> = {}): Promise<string> => String((await call('create_agent_workflow_session', { steps, ...more }))['workflow_session_id'])

describe('the tools for workflows', () => {
  it('run steps one after the other, each with what the one before gave', async () => {
    const { call, world } = setup()
    const created = await call('create_agent_workflow_session', { name: 'users', steps: [{ name: 'make', tool: 'users__create', arguments: { name: 'Ada' } }, { tool: 'users__get', arguments: { of: '{{previous_result.args.name}}' } }] })
    expect(created).toMatchObject({ success: true, name: 'users', status: 'pending', next_step: 'make', persistence: 'memory', steps: [{ name: 'make', status: 'pending' }, { name: 'step2', status: 'pending' }] })
    const id = created['workflow_session_id']
    expect(await call('execute_workflow_step', { workflow_session_id: id })).toMatchObject({ success: true, status: 'pending', next_step: 'step2', step: { name: 'make', status: 'done', attempts: 1 }, result: { tool: 'users__create' } })
    expect(await call('execute_workflow_step', { workflow_session_id: id })).toMatchObject({ success: true, status: 'done', next_step: null })
    expect(await call('execute_workflow_step', { workflow_session_id: id, step: 'more', tool: 'notes__add', arguments: { text: 'by {{steps.make.args.name}}' } })).toMatchObject({ success: true, step: { name: 'more' } })
    expect(world.calls).toEqual([['users__create', { name: 'Ada' }], ['users__get', { of: 'Ada' }], ['notes__add', { text: 'by Ada' }]])
    expect(await call('get_workflow_session_status', { workflow_session_id: id })).not.toHaveProperty('steps.0.result')
    expect(await call('get_workflow_session_status', { workflow_session_id: id, include_results: true })).toMatchObject({ status: 'done', steps: [{ result: { args: { name: 'Ada' } }, arguments: { name: 'Ada' } }, {}, {}] })
    expect(await call('cleanup_workflow_sessions')).toEqual({ success: true, removed_count: 1, remaining_count: 0 })
  })

  it('send nothing when a template gives nothing, and leave the workflow as it was', async () => {
    const { call, world } = setup()
    const id = await begin({ call }, [{ tool: 'a', arguments: { x: '{{previous_result.id}}' } }])
    expect(await call('execute_workflow_step', { workflow_session_id: id })).toMatchObject({ success: false, error: expect.stringContaining('no step comes before this one'), hint: expect.stringContaining('{{steps.NAME.PATH}}') })
    expect(await call('execute_workflow_step', { workflow_session_id: id, tool: 'b', arguments: { x: '{{steps.nope}}' } })).toMatchObject({ success: false })
    expect(world.calls).toEqual([])
    expect((await call('get_workflow_session_status', { workflow_session_id: id }))['steps']).toEqual([{ name: 'step1', tool: 'a', status: 'pending', attempts: 0 }])
  })

  it('tell how a step failed, and run it again only when told to', async () => {
    let result: StepResult = NO
    const { call, world } = setup(() => result)
    const id = await begin({ call }, [{ tool: 'make' }, { tool: 'get_it', arguments: { x: '{{previous_result}}' } }])
    expect(await call('execute_workflow_step', { workflow_session_id: id })).toMatchObject({ success: false, error: 'step "step1" failed: lost', outcome: 'unknown', reason: 'closed', retryAfterMs: 500, status: 'failed', next_step: 'step1', step: { status: 'failed', error: 'lost' } })
    expect(await call('execute_workflow_step', { workflow_session_id: id })).toMatchObject({ success: false, error: expect.stringContaining('may have been carried out'), hint: expect.stringContaining('force: true') })
    expect(world.calls).toHaveLength(1)
    result = { end: { type: 'done', value: 'made' }, blocks: [{ type: 'image', data: 'aGk=', mimeType: 'image/png' }] }
    expect(await call('execute_workflow_step', { workflow_session_id: id, force: true })).toMatchObject({ success: true, step: { attempts: 2 }, result: 'made' })
    result = NO
    await call('execute_workflow_step', { workflow_session_id: id })
    result = { end: { type: 'done', value: 1 }, blocks: [] }
    expect(await call('execute_workflow_step', { workflow_session_id: id }), 'its tool does no harm when it is called twice').toMatchObject({ success: true, status: 'done' })
  })

  it('pass on content that is no text', async () => {
    const image = { type: 'image', data: 'aGk=', mimeType: 'image/png' }
    const { tools, desk } = setup()
    const steps = { look: () => null, call: () => Promise.resolve({ end: { type: 'done', value: null } as const, blocks: [image] }) }
    const session = desk.openWorkflow(desk.bookOf(LOCAL.id), { name: 'x', agent: null, collaboration: null })
    const result = await tools.find(({ definition }) => definition['name'] === 'execute_workflow_step')?.call({ workflow_session_id: session.id, tool: 'shoot' }, { access: LOCAL, sight: null, steps })
    expect((result?.['content'] as unknown[])[1]).toEqual(image)
  })

  it('do not run a step while another one is running, and keep its workflow', async () => {
    const answers: ((result: StepResult) => void)[] = []
    const { call, world } = setup(() => new Promise((resolve) => answers.push(resolve)))
    const id = await begin({ call }, [{ tool: 'slow' }, { tool: 'next' }])
    const running = call('execute_workflow_step', { workflow_session_id: id })
    expect(await call('execute_workflow_step', { workflow_session_id: id, step: 'step2', force: true })).toMatchObject({ success: false, error: 'step "step1" is running' })
    world.now += 2 * IDLE_MS
    expect(await call('cleanup_workflow_sessions', { all: true })).toMatchObject({ remaining_count: 1 })
    answers[0]?.({ end: { type: 'done', value: 1 }, blocks: [] })
    expect(await running).toMatchObject({ success: true, next_step: 'step2' })
  })

  it.each<[string, Record<string, unknown>, RegExp]>([
    ['create_agent_workflow_session', { steps: [{}] }, /needs a "tool"/], ['create_agent_workflow_session', { steps: 'x' }, /"steps" has to be a list/], ['create_agent_workflow_session', { steps: [{ tool: 'a', arguments: [] }] }, /"arguments" has to be an object/],
    ['create_agent_workflow_session', { steps: [{ tool: 'execute_workflow_step' }] }, /cannot be a step/], ['create_agent_workflow_session', { steps: [{ name: 'x', tool: 'a' }, { name: 'x', tool: 'a' }] }, /"x" already/], ['create_agent_workflow_session', { agent_session_id: 'agent_x' }, /no agent session/],
    ['create_agent_workflow_session', { collaboration: 'x' }, /no collaboration/], ['create_agent_workflow_session', { name: 'x'.repeat(101) }, /longer than 100/], ['create_agent_workflow_session', { workflow_session_id: 'workflow_x' }, /no workflow session.*/],
    ['execute_workflow_step', {}, /no workflow session/], ['get_workflow_session_status', { workflow_session_id: 3 }, /has to be a text/], ['create_agent_session', {}, /"name" is needed/], ['create_agent_session', { name: 'a', capabilities: [1] }, /list of up to 32 texts/],
    ['enable_agent_collaboration', { collaboration: 'x', agent_session_ids: [] }, /one agent session at least/], ['cleanup_workflow_sessions', { all: 'yes' }, /true or false/],
  ])('%s refuses %j and leaves nothing behind', async (name, args, why) => {
    const { call } = setup()
    expect((await call(name, args))['error']).toMatch(why)
    expect(await call('get_workflow_session_status')).toMatchObject({ workflow_sessions: [], agent_sessions: [], collaborations: [] })
  })
})

describe('agents', () => {
  it('share a context that workflows read', async () => {
    const { call, world } = setup()
    const ids = [await call('create_agent_session', { name: 'planner', capabilities: ['plan'] }), await call('create_agent_session', { name: 'writer' })].map((agent) => agent['agent_session_id'])
    expect(await call('enable_agent_collaboration', { collaboration: 'report', agent_session_ids: ids, set: { topic: { id: 3 }, draft: 'x' } })).toMatchObject({ success: true, agent_session_ids: ids, context: { topic: { id: 3 }, draft: 'x' } })
    expect(await call('enable_agent_collaboration', { collaboration: 'report', agent_session_ids: [ids[1]], remove: ['draft'] })).toMatchObject({ agent_session_ids: ids, context: { topic: { id: 3 } } })
    const workflow = await begin({ call }, [{ tool: 'find', arguments: { id: '{{context.topic.id}}' } }, { tool: 'find', arguments: { id: '{{context.draft}}' } }], { agent_session_id: ids[0], collaboration: 'report' })
    await call('execute_workflow_step', { workflow_session_id: workflow })
    expect(world.calls).toEqual([['find', { id: 3 }]])
    expect(await call('execute_workflow_step', { workflow_session_id: workflow })).toMatchObject({ success: false, error: expect.stringContaining('collaboration "report" has no "draft"') })
    await call('cleanup_workflow_sessions', { agent_session_id: ids[0] })
    expect(await call('get_workflow_session_status')).toMatchObject({ agent_sessions: [{ name: 'writer', capabilities: [] }], collaborations: [{ agent_session_ids: [ids[1]] }] })
    expect(await call('cleanup_workflow_sessions', { agent_session_id: ids[1] }), 'the context goes with its last agent').toMatchObject({ removed_count: 2 })
  })

  it('fill a context only as far as it goes, and as a whole', async () => {
    const { call } = setup()
    const { agent_session_id: id } = await call('create_agent_session', { name: 'a' })
    const share = (set: Record<string, unknown>): Promise<Answer> => call('enable_agent_collaboration', { collaboration: 'c', agent_session_ids: [id], set })
    expect(await share({ a: 'x'.repeat(70_000) })).toMatchObject({ success: false, error: expect.stringContaining('65536 characters') })
    expect((await call('get_workflow_session_status'))['collaborations']).toEqual([])
    await share({ a: 1 })
    expect(await share(Object.fromEntries(Array.from({ length: 64 }, (_, at) => [`k${at}`, at])))).toMatchObject({ success: false, error: expect.stringContaining('64 keys') })
    expect(await share({})).toMatchObject({ context: { a: 1 } })
  })
})

describe('what is kept', () => {
  it('is seen by its own caller and by nobody else', async () => {
    const { call } = setup()
    const workflow = await begin({ call }, [{ tool: 'a' }])
    const { agent_session_id: agent } = await call('create_agent_session', { name: 'a' })
    expect(await call('get_workflow_session_status', {}, OTHER)).toMatchObject({ workflow_sessions: [], agent_sessions: [] })
    for (const [name, args] of [['execute_workflow_step', { workflow_session_id: workflow }], ['get_workflow_session_status', { workflow_session_id: workflow }], ['create_agent_workflow_session', { agent_session_id: agent }]] as const) expect(await call(name, args, OTHER)).toMatchObject({ success: false })
    expect(await call('cleanup_workflow_sessions', { all: true }, OTHER)).toMatchObject({ removed_count: 0 })
    expect(await call('get_workflow_session_status')).toMatchObject({ workflow_sessions: [{ workflow_session_id: workflow }], agent_sessions: [{ agent_session_id: agent }] })
  })

  it('goes when nobody uses it for half an hour', async () => {
    const { call, world, desk } = setup()
    const [old, used] = [await begin({ call }, [{ tool: 'a' }]), await begin({ call }, [{ tool: 'a' }])]
    world.now += IDLE_MS - 1
    await call('execute_workflow_step', { workflow_session_id: used })
    world.now += 1
    expect(await call('execute_workflow_step', { workflow_session_id: old })).toMatchObject({ success: false, hint: expect.stringMatching(/expired.*in memory only/) })
    expect(await call('get_workflow_session_status', { workflow_session_id: used })).toMatchObject({ success: true })
    desk.close()
    expect((await call('get_workflow_session_status'))['workflow_sessions']).toEqual([])
  })

  it('is bounded for each caller and for all', async () => {
    const { call, desk } = setup((_tool, args) => ({ end: { type: 'done', value: 'x'.repeat(Number(args['size'] ?? 1)) }, blocks: [] }))
    for (let at = 0; at < MAX_EACH; at++) await begin({ call })
    expect(await call('create_agent_workflow_session')).toMatchObject({ success: false, error: expect.stringContaining(`you have ${MAX_EACH} workflow sessions`), hint: expect.stringContaining('cleanup_workflow_sessions') })
    expect(await call('create_agent_workflow_session', {}, OTHER)).toMatchObject({ success: true })
    for (let at = 0; at < 254; at++) desk.openAgent(desk.bookOf(`jwt:${at}`), 'x', [])
    expect(await call('create_agent_session', { name: 'x' }, { ...OTHER, id: 'jwt:one-more' })).toMatchObject({ success: false, error: expect.stringContaining('256 callers') })
    desk.close()
  })
})
