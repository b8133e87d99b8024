import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { LaunchError, openLimits, spawnChild, type LimitsBackend } from '../../../src/lib/process/index.js'
import { alive, environmentOf } from '../../helpers/proc.js'
import { waitFor } from '../../helpers/wait.js'
import { cleanUp, endAll, launchOf, mark, MIB, openBackend, start, survivors } from './limits-rig.js'

const onLinux = describe.skipIf(process.platform !== 'linux')
const scratch = mkdtempSync(join(tmpdir(), 'limits-launch-'))
afterEach(endAll)
afterAll(async () => {
  await cleanUp()
  rmSync(scratch, { recursive: true, force: true })
})

const PATH = launchOf('x').env['PATH']

onLinux('a launch under limits', () => {
  it('becomes the server itself: same pid, its own environment, no descriptor of the launcher', async () => {
    const backend = await openBackend()
    const { child, firstLine } = await start(backend, { memoryBytes: 500 * MIB, pids: 64 }, launchOf('/bin/sh', ['-c', 'echo $$; exec sleep 600', 'a b', '$HOME', '--'], { VALUE: '$PATH "quoted"' }))
    expect(Number(await firstLine)).toBe(child.pid)
    // Whoever runs the tests may have left descriptors to everything it starts, but not this one.
    expect(existsSync(`/proc/${child.pid}/fd/3`)).toBe(false)
    expect(environmentOf(child.pid)).toMatchObject({ PATH, VALUE: '$PATH "quoted"' })
    expect(Object.keys(environmentOf(child.pid)).filter((name) => name !== 'PWD').sort()).toEqual(['MCPCTL_ID', 'PATH', 'VALUE'])
  })

  it('leaves no core files', async () => {
    const backend = await openBackend()
    const { firstLine } = await start(backend, { pids: 64 }, launchOf('/bin/sh', ['-c', 'ulimit -c; exec sleep 600']))
    expect(await firstLine).toBe('0')
  })

  it('loses no output and no exit of a server that ends before its launcher was heard', async () => {
    const late = { ...launchOf('/bin/sh', ['-c', 'echo said; echo cried >&2; (sleep 0.3; echo ok >&3) >/dev/null 2>&1 & exit 126']), explainJoin: () => new LaunchError('limits-failed', 'x', { hint: 'x' }), onWake: () => undefined }
    const child = await spawnChild({ launch: late, marker: `limits-${mark}:brief` })
    expect(child.exited, 'its own 126 is no failure of the launcher').toEqual({ code: 126, signal: null })
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => { text += chunk.toString() })
    child.stderr.on('data', (chunk: Buffer) => { text += chunk.toString() })
    await waitFor(() => text.includes('said') && text.includes('cried'))
    await child.release()
  })

  it('is an error of the launch when the group cannot be joined, and nothing runs then', async () => {
    const backend = await openBackend()
    const group = backend.open('lost', { pids: 64 })
    const witness = join(scratch, 'ran')
    const launch = group?.wrap(launchOf('/bin/sh', ['-c', `touch ${witness}`])) ?? launchOf('/nowhere')
    const broken = { ...launch, args: launch.args.map((word) => (word.startsWith('join=') ? 'join=/sys/fs/cgroup/not-there' : word)) }
    if (!broken.args.includes('join=/sys/fs/cgroup/not-there')) broken.args.splice(3, 0, 'join=/sys/fs/cgroup/not-there')
    await expect(spawnChild({ launch: broken, marker: `limits-${mark}:lost` })).rejects.toMatchObject({
      reason: 'limits-failed', permanent: false,
      message: '/bin/sh was not started, because its limits could not be set: cannot join /sys/fs/cgroup/not-there',
    })
    expect(existsSync(witness)).toBe(false)
    expect(await survivors()).toEqual([])
    await group?.release()
  })
})

onLinux('the choice of a backend', () => {
  it('takes the strongest, and tells of each stronger one why not', async () => {
    const backend = await openBackend()
    expect(backend.name).not.toBe('none')
    const order = ['cgroup2', 'systemd', 'cgroup1', 'rlimit', 'poll']
    expect(backend.refused.map(({ name }) => name)).toEqual(order.slice(0, order.indexOf(backend.name)))
    for (const { why } of backend.refused) expect(why.length).toBeGreaterThan(10)
  })

  it('goes on without a name it does not know, and says so', async () => {
    const backend = await openLimits({ mark: `${mark}odd`, env: { MCP_LIMITS_BACKEND: 'cgroup3' } })
    expect(backend.notes).toEqual(['MCP_LIMITS_BACKEND=cgroup3 is none of cgroup2, systemd, cgroup1, rlimit, poll, none, so it is ignored'])
    expect(backend.name).toBe((await openBackend()).name)
    await backend.close()
  })

  it('falls back from one that is impossible here, and says so', async () => {
    const automatic = await openBackend()
    const impossible = automatic.refused[0]
    if (impossible === undefined) return expect(automatic.name, 'nothing is impossible here').toBe('cgroup2')
    const backend = await openLimits({ mark: `${mark}no`, env: {}, forced: impossible.name })
    expect(backend.name).toBe(automatic.name)
    expect(backend.notes[0]).toBe(`MCP_LIMITS_BACKEND=${impossible.name} is not possible here: ${impossible.why}`)
    await backend.close()
  })

  it('can be none: then servers run free, but for those that must not', async () => {
    const backend = await openBackend('none')
    expect(backend.open('free', { memoryBytes: MIB })).toBeNull()
    expect(() => backend.open('must', { memoryBytes: MIB, required: true })).toThrow(expect.objectContaining({ permanent: true }))
  })
})

onLinux('groups of an earlier daemon', () => {
  it('are ended and removed by the next one, wherever that one lives', async () => {
    const recordFile = join(scratch, 'groups.json')
    const first = await openBackend(null, { recordFile, mark: `${mark}again` })
    const { child, exit } = await start(first, { pids: 64 }, launchOf('/bin/sleep', ['600']))
    if (first.abilities.pids !== 'tree' || first.name === 'systemd') return expect(existsSync(recordFile)).toBe(false)
    expect(existsSync(recordFile)).toBe(true)
    // Not closed, as if it had been killed.
    const second = await openBackend(null, { recordFile, mark: `${mark}again` })
    expect(await exit).toEqual({ code: null, signal: 'SIGKILL' })
    await waitFor(() => !alive(child.pid))
    expect(second.name).toBe(first.name)
    await start(second, { pids: 64 }, launchOf('/bin/sleep', ['600']))
    await endAll()
    await second.close()
    expect(existsSync(recordFile), 'after an orderly end there is nothing to find').toBe(false)
  })

  it('are not looked for under names that are not ours', async () => {
    const foreign = mkdtempSync(join(scratch, 'foreign-'))
    const recordFile = join(scratch, 'odd.json')
    writeFileSync(recordFile, JSON.stringify([foreign, 7]))
    const backend = await openBackend('poll', { recordFile })
    expect(existsSync(foreign)).toBe(true)
    await backend.close()
    chmodSync(foreign, 0o700)
  })
})

describe.skipIf(process.platform !== 'linux' || process.geteuid?.() !== 0)('a backend that breaks while the daemon runs', () => {
  async function broken(limits: { required?: boolean }): Promise<{ backend: LimitsBackend; open: () => ReturnType<LimitsBackend['open']> }> {
    const backend = await openBackend()
    // A group of the same name is in the way of every attempt.
    backend.open('twice', { pids: 8 })
    return { backend, open: () => backend.open('twice', { memoryBytes: 64 * MIB, pids: 8, ...limits }) }
  }

  it('holds the limits by looking instead, and says so', async () => {
    const { backend, open } = await broken({})
    if (backend.abilities.memory !== 'tree' || backend.name === 'systemd') return expect(open()?.note).toBeNull()
    const group = open()
    expect(group?.backend).toBe('rlimit')
    expect(group?.note).toMatch(/^cgroup[12] failed: a group of that name exists already \(mkdir .*\); its limits are held by looking at its processes$/)
    expect(backend.trouble).toMatch(/^cgroup[12] failed/)
    expect(backend.open('well', { pids: 8 })?.note).toBeNull()
    expect(backend.trouble, 'it worked again').toBeNull()
  })

  it('starts no server whose limits are required', async () => {
    const { backend, open } = await broken({ required: true })
    if (backend.abilities.memory !== 'tree' || backend.name === 'systemd') return expect(backend.abilities.memory).not.toBe('tree')
    expect(open).toThrow(expect.objectContaining({ reason: 'limits-failed', permanent: false }))
  })
})
