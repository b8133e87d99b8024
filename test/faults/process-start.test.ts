import { chmodSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import { badServer } from '../helpers/bad-server.js'
import { freePort } from '../helpers/port.js'
import { alive } from '../helpers/proc.js'
import { logOf, look, serverOf, startsOf, untilServer } from '../e2e/support.js'
import { bound, fault, scale } from './lab.js'
import { calmDelays, delaysWhile } from './measure.js'
import { many, tiny } from './servers.js'

fault('F19', async (lab) => {
  const script = lab.home.write('script', '#!/no/such/interpreter\n')
  chmodSync(script, 0o755)
  const plain = lab.home.write('plain', 'no program')
  chmodSync(plain, 0o644)
  const wrong = { missing: { command: 'no-such-program-anywhere' }, plain: { command: plain }, folder: { ...tiny(), cwd: '/no/such/folder' }, script: { command: script } }
  lab.home.config({ ...wrong, good: tiny() })
  expect((await lab.run(['start'])).exitCode).toBe(1)
  await lab.watch()
  const servers = (await look(lab.home))?.servers ?? []
  const failed = servers.filter(({ name }) => name !== 'good')
  expect(failed.map(({ phase, restarts, generation }) => [phase, restarts, generation])).toEqual(failed.map(() => ['failed', 0, 1]))
  const reasonOf = Object.fromEntries(failed.map(({ name, reason }) => [name, reason]))
  expect(reasonOf['missing']).toMatch(/command not found: no-such-program-anywhere/)
  expect(reasonOf['plain']).toMatch(/plain is not an executable file/)
  expect(reasonOf['folder']).toMatch(/\/no\/such\/folder does not exist/)
  expect(reasonOf['script']).toMatch(/interpreter \/no\/such\/interpreter/)
  expect(await serverOf(lab.home, 'good')).toMatchObject({ ready: true })
  for (const name of Object.keys(wrong)) expect(await startsOf(lab.home, name)).toEqual([])
})

fault('F20', async (lab) => {
  await lab.start({ good: tiny() })
  const { pid } = await serverOf(lab.home, 'good')
  const refused = async (servers: Record<string, unknown>): Promise<string> => {
    lab.home.config({ ...servers, good: tiny() })
    const { exitCode, stderr } = await lab.run(['start'])
    expect([exitCode, stderr.length < 5000]).toEqual([5, true])
    return stderr
  }
  expect(await refused({ long: { ...tiny(), env: { HUGE: 'x'.repeat(200_000) } } })).toMatch(/servers\.long has env\.HUGE of 200005 bytes/)
  // Each value is small enough by itself: all of them together are too much.
  const parts = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`PART${index}`, 'x'.repeat(120_000)]))
  expect(await refused({ much: { ...tiny(), env: parts } })).toMatch(/servers\.much has arguments and variables of \d+ bytes together/)
  const nul = await refused({ zero: { ...tiny(), args: [...tiny().args, 'a\0b'] } })
  expect(nul).toMatch(/servers\.zero\.args\[1\] holds a NUL character/)
  expect(nul).not.toContain('\0')
  expect(await serverOf(lab.home, 'good')).toMatchObject({ ready: true, restarts: 0, pid })
  expect((await look(lab.home))?.servers.map(({ name }) => name)).toEqual(['good'])
})

fault('F21', async (lab) => {
  const count = scale(200, 60)
  await lab.start({ first: tiny() })
  const client = await lab.legacy()
  const calm = await calmDelays(() => client.ask('ping'), 2)
  const fleet = many(count, () => tiny())
  lab.home.config({ first: tiny(), ...fleet })
  let most = 0
  const starting = lab.run(['start'], { deadlineMs: 100_000 })
  const watching = (async () => {
    for (let over = false; !over;) {
      const servers = (await look(lab.home))?.servers ?? []
      most = Math.max(most, servers.filter(({ phase }) => phase === 'starting').length)
      over = servers.length > count && servers.every(({ ready }) => ready)
      await delay(20)
    }
  })()
  const delays = await delaysWhile(() => client.ask('ping'), Promise.all([starting, watching]), 2)
  expect((await starting).exitCode).toBe(0)
  expect(most).toBeLessThanOrEqual(32)
  expect(most).toBeGreaterThan(1)
  // While others use the same cores, a part of the delay is theirs; so is that of all that starts here.
  expect(delays.worst).toBeLessThan(Math.max(bound(100, 10_000), 10 * calm.worst))
  lab.measured(`${count} servers ready in ${((await starting).elapsedMs / 1000).toFixed(1)} s, at most ${most} starting at a time, answers meanwhile: p99 ${delays.p99.toFixed(0)} ms, slowest ${delays.worst.toFixed(0)} ms (before: ${calm.worst.toFixed(0)} ms)`)
  expect((await lab.run(['stop', ...Object.keys(fleet)])).exitCode).toBe(0)
// That many starts at once leave garbage that is collected later.
}, { timeoutMs: 150_000, memoryMoreMib: 35 })

fault('F18', async (lab) => {
  lab.home.config({ slow: { ...badServer('slow-start=60000'), restart: { intensity: { restarts: 1, window: '1m' }, backoff: { initial: '50ms', max: '50ms' } }, stopTimeout: '200ms' }, good: tiny() })
  const started = await lab.run(['start'], { env: { MCP_MAX_STARTUP_TIME: '700ms' } })
  expect(started.exitCode).toBe(1)
  await lab.watch()
  const failed = await untilServer(lab.home, 'slow', ({ phase }) => phase === 'failed')
  expect(failed).toMatchObject({ restarts: 1, generation: 2, pid: null })
  expect(failed.reason).toMatch(/^crash loop: 1 restart.*not ready within its start timeout of 0\.7 s/)
  const starts = await startsOf(lab.home, 'slow')
  expect(starts).toHaveLength(2)
  expect(starts.filter(alive)).toEqual([])
  const ends = (await logOf(lab.home, 'slow')).filter(({ stream, text }) => stream === 'mark' && /killed by|exited/.test(text))
  expect(ends).toHaveLength(2)
}, { waits: true })

fault('F22', async (lab) => {
  const port = await freePort()
  const holder = createServer()
  await new Promise<void>((resolve) => holder.listen(port, '127.0.0.1', resolve))
  let isHeld = true
  const release = (): Promise<void> => new Promise((resolve) => {
    if (!isHeld) return resolve()
    isHeld = false
    holder.close(() => resolve())
  })
  lab.defer(release)
  lab.home.config({ near: { ...badServer('http'), env: { PORT: String(port) }, url: `http://127.0.0.1:${port}/mcp`, restart: { backoff: { initial: '100ms', max: '1s' }, intensity: { restarts: 1000, window: '10m' } } } })
  const { exitCode, stderr } = await lab.run(['start'])
  expect(exitCode).toBe(1)
  expect(stderr).toMatch(new RegExp(`^near: .*port ${port} is already in use by pid ${process.pid}`, 'm'))
  await lab.watch()
  const waiting = await untilServer(lab.home, 'near', ({ phase, restarts }) => phase === 'backoff' && restarts >= 2)
  expect(waiting.reason).toMatch(/is already in use.*; restart \d in \d/)
  expect(await startsOf(lab.home, 'near')).toEqual([])
  await release()
  await untilServer(lab.home, 'near', ({ ready }) => ready)
  await lab.run(['stop', 'near'])
}, { waits: true })
