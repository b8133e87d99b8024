import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runOk } from '../helpers/cli.js'
import { freePort } from '../helpers/port.js'
import { waitFor } from '../helpers/wait.js'
import { endProxies, startProxy, toolNames } from './proxy-support.js'
import { fixture, useHome } from './support.js'

const home = useHome()
const [ALL, SOME] = ['all-key-0123456789abcdef', 'some-key-0123456789abcdef']
type Document = Record<string, unknown>

test('workflows run through the calls of their caller: its permissions, its limits, its record; and only where they are switched on', async () => {
  const port = await freePort()
  const configure = (workflows: boolean): string => home().config({ main: fixture('mcp-dual.mjs'), other: fixture('mcp-legacy.mjs') }, {
    // One call at a time: the call of a step must not wait for the call that runs it.
    gateway: { port, audit: true, workflows, concurrency: { max: 1, queue: 4, queueTimeout: '60s' }, auth: { keys: { all: { key: ALL }, some: { key: SOME, servers: ['main'] } } } },
  })
  configure(false)
  await runOk(['start'], { home: home() })
  const ask = async (path: string, key: string, body?: unknown): Promise<Document> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }), headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` } })
    return (await response.json()) as Document
  }
  const names = async (key: string): Promise<string[]> => ((await ask('/tools', key))['tools'] as { name: string }[]).map(({ name }) => name)
  const call = async (tool: string, args: Document = {}, key = ALL): Promise<Document> => ((await ask(`/tools/${tool}`, key, args))['result'] as { structuredContent: Document }).structuredContent

  expect(await names(ALL)).not.toContain('execute_workflow_step')
  configure(true)
  await runOk(['reload'], { home: home() })
  await waitFor(async () => (await names(ALL)).includes('execute_workflow_step'), { what: 'the tools for workflows' })

  const begin = async (steps: unknown[], key = ALL): Promise<unknown> => (await call('create_agent_workflow_session', { steps }, key))['workflow_session_id']
  const run = (id: unknown, more: Document = {}, key = ALL): Promise<Document> => call('execute_workflow_step', { workflow_session_id: id, ...more }, key)

  // From a server of the one era to one of the other; what the text says is JSON.
  const id = await begin([{ name: 'say', tool: 'main__echo', arguments: { text: '{"id": 7, "who": "Ada"}' } }, { tool: 'other__echo', arguments: { text: 'no {{previous_result.id}} is {{steps.say.who}}' } }])
  expect(await run(id)).toMatchObject({ success: true, result: { id: 7, who: 'Ada' } })
  expect(await run(id)).toMatchObject({ success: true, status: 'done', result: 'no 7 is Ada' })

  // Nobody reaches more by a workflow than without, or another's workflow.
  expect(await run(id, {}, SOME)).toMatchObject({ success: false, error: expect.stringContaining('no workflow session') })
  const own = await begin([{ tool: 'other__echo', arguments: { text: 'x' } }, { tool: 'manage', arguments: { operation: 'list' } }], SOME)
  expect(await run(own, {}, SOME)).toMatchObject({ success: false, outcome: 'not-delivered', error: expect.stringContaining('Unknown tool') })
  expect(await run(own, { step: 'step2' }, SOME)).toMatchObject({ success: false, outcome: 'not-delivered' })

  // A server that dies under a step: nobody knows what it did, so it is not run again by itself.
  const lost = await begin([{ tool: 'main__exit', arguments: { code: 3 } }])
  expect(await run(lost)).toMatchObject({ success: false, outcome: 'unknown', reason: expect.any(String), status: 'failed', step: { status: 'failed', attempts: 1 } })
  expect(await run(lost)).toMatchObject({ success: false, error: expect.stringContaining('may have been carried out') })

  // Each step is a call of its caller.
  const audited = (): unknown[] => readFileSync(join(home().paths.logs, 'audit.log'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Document)
    .filter((line) => line['caller'] === 'key:all' && ['main', 'other'].includes(String(line['server']))).map((line) => [line['server'], line['tool'] ?? line['target'], line['outcome']])
  await waitFor(() => audited().length === 3, { what: 'the record of three calls' })
  expect(audited()).toEqual([['main', 'echo', 'ok'], ['other', 'echo', 'ok'], ['main', 'exit', 'lost']])

  // A legacy client over stdio; its cancelled call takes the step with it.
  const proxy = startProxy(home(), [])
  try {
    await proxy.initialize()
    expect(toolNames(await proxy.ask('tools/list'))).toContain('execute_workflow_step')
    const made = JSON.parse(await proxy.call('create_agent_workflow_session', { steps: [{ tool: 'other__wait' }] })) as Document
    const sessionId = made['workflow_session_id']
    proxy.send({ id: 'run', method: 'tools/call', params: { name: 'execute_workflow_step', arguments: { workflow_session_id: sessionId } } })
    const status = async (): Promise<Document> => JSON.parse(await proxy.call('get_workflow_session_status', { workflow_session_id: sessionId })) as Document
    await waitFor(async () => (await status())['status'] === 'running', { what: 'a step that is running' })
    proxy.send({ method: 'notifications/cancelled', params: { requestId: 'run' } })
    await waitFor(async () => (await status())['status'] === 'failed', { what: 'the end of the step' })
    expect(await status()).toMatchObject({ steps: [{ status: 'failed', outcome: 'unknown', reason: 'cancelled' }] })
  } finally {
    await endProxies()
  }
})
