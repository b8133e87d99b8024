import { tmpdir } from 'node:os'
import { dirname } from 'node:path'
import type { Breach, LimitsSpec } from '../../../src/lib/core/index.js'
import { createSweeper, openLimits, spawnChild, type BackendName, type Child, type ExitStatus, type LimitGroup, type LimitsBackend, type ResolvedLaunch } from '../../../src/lib/process/index.js'
import { waitFor } from '../../helpers/wait.js'

export const MIB = 1024 ** 2
/** Short enough that the processes of a test can be told apart from those of every other. */
export const mark = `t${process.pid}`
const prefix = `limits-${mark}:`
const sweeper = createSweeper()
const PATH = `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`

/** A server under limits, with what happened to it. */
export interface Limited {
  readonly child: Child
  readonly group: LimitGroup
  readonly breaches: { readonly breach: Breach; readonly at: number }[]
  readonly exit: Promise<ExitStatus>
  readonly firstLine: Promise<string>
  /** All of stderr, as far as it has come. */
  readonly errors: () => string[]
}

let count = 0
const open: Limited[] = []
const backends: LimitsBackend[] = []

/** The strongest backend is named by the first test that needs it. */
export async function openBackend(forced: BackendName | null = null, options: { recordFile?: string; mark?: string } = {}): Promise<LimitsBackend> {
  const backend = await openLimits({ mark: `${mark}${forced ?? ''}`, env: process.env, forced, ...options })
  backends.push(backend)
  return backend
}

export function launchOf(file: string, args: readonly string[] = [], env: Record<string, string> = {}): ResolvedLaunch {
  return { file, args, cwd: tmpdir(), env: { PATH, ...env }, note: null }
}

/** The same calls in the same order as the daemon's. */
export async function start(backend: LimitsBackend, limits: LimitsSpec, launch: ResolvedLaunch): Promise<Limited> {
  const id = `one-${++count}`
  const group = backend.open(id, limits)
  if (group === null) throw new Error('these limits ask for nothing')
  const child = await spawnChild({ launch: group.wrap(launch), marker: `${prefix}${id}` }).catch(async (error: unknown) => {
    await group.release()
    throw error
  })
  const text = { out: '', err: '' }
  const breaches: { breach: Breach; at: number }[] = []
  const firstLine = new Promise<string>((resolve) => child.stdout.on('data', (chunk: Buffer) => {
    text.out += chunk.toString()
    if (text.out.includes('\n')) resolve(text.out.slice(0, text.out.indexOf('\n')))
  }))
  child.stderr.on('data', (chunk: Buffer) => { text.err += chunk.toString() })
  group.started(child)
  group.onBreach((breach) => breaches.push({ breach, at: performance.now() }))
  const exit = new Promise<ExitStatus>((resolve) => child.onExit(resolve))
  const limited = { child, group, breaches, exit, firstLine, errors: () => text.err.split('\n') }
  open.push(limited)
  return limited
}

/** Ends everything the tests started so far. */
export async function endAll(): Promise<void> {
  for (const { group } of open) group.kill()
  await sweeper.end({ prefix })
  await Promise.all(open.splice(0).flatMap(({ child, group }) => [child.release(), group.release()]))
}

/** Takes the backends down as well. */
export async function cleanUp(): Promise<void> {
  await endAll()
  await Promise.all(backends.splice(0).map((backend) => backend.close()))
}

/** The first breach that is told. */
export async function firstBreach({ breaches }: Limited): Promise<Limited['breaches'][number]> {
  return waitFor(() => breaches[0], { what: 'a breach' })
}

/** Live processes that carry the marker of this test file. */
export async function survivors(): Promise<number[]> {
  return (await sweeper.find({ prefix })).map(({ pid }) => pid)
}

/** A Node program: every name in it stands for itself, nothing is quoted by a shell. */
export function node(code: string): readonly [string, string[]] {
  return [process.execPath, ['-e', code]]
}

/** Takes memory outside of the heap and touches it, 400 MiB a second, after its first line. */
export const LEAK = 'const kept = []; console.log(process.pid); setInterval(() => kept.push(Buffer.alloc(8 * 1048576, 1)), 20)'
