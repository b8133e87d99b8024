import { describe, expect, test } from 'vitest'
import { run, runOk } from '../helpers/cli.js'
import { waitFor } from '../helpers/wait.js'
import type { Message } from './gateway-client.js'
import { talkative, useFreshGateway, type GatewayRig } from './gateway-support.js'
import { pidOf, serverOf, untilGone, untilServer } from './support.js'

const CALLS = 1000
/** Calls under way take longer on a busy machine, and are not what is given up on here. */
const PATIENT = { drainTimeout: '60s' }
const textOf = (message: Message): string => (message.result?.['content'] as { text: string }[] | undefined)?.[0]?.text ?? JSON.stringify(message)

const gateway = useFreshGateway()

/** The configuration of the running daemon says something else from now on; nobody is told. */
function rewrite(rig: GatewayRig, servers: Record<string, unknown>, settings: Record<string, unknown> = {}): void {
  rig.home.config(servers, { gateway: { port: rig.port }, ...settings })
}

describe('a server that is replaced while calls are under way', () => {
  test('answers every call it was given, each once, and new calls go to its successor', async () => {
    const rig = gateway()
    await rig.start({ talk: talkative(rig, 'talk', [], PATIENT) })
    const old = await pidOf(rig.home, 'talk')
    const clients = [rig.proxy(), await rig.socket()]
    for (const client of clients) await client.initialize()
    const before = clients.flatMap((client) => Array.from({ length: CALLS / 2 }, (_, index) => client.request('tools/call', { name: 'talk__slow', arguments: { ms: 4000 } }, `old-${index}`, 60_000)))
    await waitFor(() => rig.record('talk').filter(({ message }) => message.method === 'tools/call').length >= CALLS, { timeoutMs: 50_000, pollMs: 100, what: 'every call to be with the server' })
    rewrite(rig, { talk: talkative(rig, 'talk', [], { ...PATIENT, args: [...(talkative(rig, 'talk')['args'] as string[]), '--changed'] }) })
    await untilServer(rig.home, 'talk', ({ generation, ready }) => generation === 2 && ready)
    const after = await Promise.all(clients.map((client) => client.request('tools/call', { name: 'talk__slow', arguments: { ms: 0 } }, 'new', 60_000)))
    const next = await pidOf(rig.home, 'talk')
    expect(next).not.toBe(old)
    expect(after.map(textOf)).toEqual(clients.map(() => `slow ${next}`))
    expect(new Set((await Promise.all(before)).map(textOf))).toEqual(new Set([`slow ${old}`]))
    for (const client of clients) expect(client.lines.filter((line) => line.includes('"old-')).length).toBe(CALLS / 2)
    await untilGone(old)
    expect(await serverOf(rig.home, 'talk')).toMatchObject({ restarts: 0, changed: false, trouble: null })
  }, 120_000)

  test('can be given up on: a call taken back is withdrawn from the instance that has it', async () => {
    const rig = gateway()
    await rig.start({ talk: talkative(rig, 'talk') })
    const client = await rig.legacy()
    const given = client.request('tools/call', { name: 'talk__slow', arguments: { ms: 30_000 } }, 'slow', 60_000).catch(() => null)
    await waitFor(() => rig.record('talk').some(({ message }) => message.method === 'tools/call'))
    const old = await pidOf(rig.home, 'talk')
    rewrite(rig, { talk: { ...talkative(rig, 'talk'), env: { TALK_RECORD: rig.recordFile('talk'), NEW: '1' } } })
    await untilServer(rig.home, 'talk', ({ generation, ready }) => generation === 2 && ready)
    client.notify('notifications/cancelled', { requestId: 'slow', reason: 'enough' })
    await waitFor(() => rig.record('talk').some(({ pid, message }) => pid === old && message.method === 'notifications/cancelled'))
    // With its last call gone, the old instance goes too.
    await untilGone(old)
    void given
  })
})

describe('a stop', () => {
  test('lets calls under way finish, and takes no new ones', async () => {
    const rig = gateway()
    await rig.start({ talk: talkative(rig, 'talk', [], PATIENT) })
    const client = await rig.legacy()
    const slow = client.request('tools/call', { name: 'talk__slow', arguments: { ms: 5000 } })
    await waitFor(() => rig.record('talk').some(({ message }) => message.method === 'tools/call'))
    const stopped = runOk(['stop', 'talk'], { home: rig.home })
    await untilServer(rig.home, 'talk', ({ phase }) => phase === 'stopping')
    const late = await client.request('tools/call', { name: 'talk__pid', arguments: {} })
    expect(late.error).toBeDefined()
    expect(textOf(await slow)).toMatch(/^slow \d+$/)
    await stopped
  })
})

describe('daemon restart', () => {
  test('brings servers back as they were, and clients of the proxy go on', async () => {
    const rig = gateway()
    await rig.start({ talk: talkative(rig, 'talk'), other: talkative(rig, 'other') })
    await runOk(['stop', 'other'], { home: rig.home })
    const client = rig.proxy()
    await client.initialize()
    const pid = async (): Promise<string> => textOf(await client.request('tools/call', { name: 'talk__pid', arguments: {} }, undefined, 30_000))
    const before = await pid()
    const { stderr } = await runOk(['daemon', 'restart'], { home: rig.home })
    expect(stderr).toMatch(/1 ready/)
    const after = await pid()
    expect(after).not.toBe(before)
    expect(await pidOf(rig.home, 'talk')).toBe(Number(after))
    expect(await serverOf(rig.home, 'other')).toMatchObject({ phase: 'idle', desired: 'down' })
  })

  test('changes nothing when the configuration cannot be loaded, and says 3 without a daemon', async () => {
    const rig = gateway()
    await rig.start({ talk: talkative(rig, 'talk') })
    const pid = await pidOf(rig.home, 'talk')
    rewrite(rig, { talk: { command: 7 } })
    expect(await run(['daemon', 'restart'], { home: rig.home })).toMatchObject({ exitCode: 5 })
    expect(await pidOf(rig.home, 'talk')).toBe(pid)
    await runOk(['stop'], { home: rig.home })
    expect(await run(['daemon', 'restart'], { home: rig.home })).toMatchObject({ exitCode: 3 })
  })

  test('is not needed after a daemon that was killed: start --resume starts what ran', async () => {
    const rig = gateway()
    await rig.start({ talk: talkative(rig, 'talk'), other: talkative(rig, 'other') })
    await runOk(['stop', 'other'], { home: rig.home })
    const { daemon } = (await runOk(['daemon', 'status', '--json'], { home: rig.home })).json() as { daemon: { pid: number } }
    process.kill(daemon.pid, 'SIGKILL')
    await untilGone(daemon.pid)
    await runOk(['start', '--resume'], { home: rig.home })
    expect(await serverOf(rig.home, 'talk')).toMatchObject({ ready: true })
    expect(await serverOf(rig.home, 'other')).toMatchObject({ phase: 'idle' })
  })

  test('is not needed either when another command comes first after the daemon was killed', async () => {
    const rig = gateway()
    await rig.start({ talk: talkative(rig, 'talk'), other: talkative(rig, 'other'), third: talkative(rig, 'third') })
    await runOk(['stop', 'third'], { home: rig.home })
    const { daemon } = (await runOk(['daemon', 'status', '--json'], { home: rig.home })).json() as { daemon: { pid: number } }
    process.kill(daemon.pid, 'SIGKILL')
    await untilGone(daemon.pid)
    await runOk(['restart', 'other'], { home: rig.home })
    await untilServer(rig.home, 'talk', ({ ready }) => ready)
    expect(await serverOf(rig.home, 'third')).toMatchObject({ phase: 'idle' })
  })
})
