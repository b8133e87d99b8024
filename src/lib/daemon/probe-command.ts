import { basename, dirname } from 'node:path'
import { describeExit, type LaunchSpec, type ServerSpec } from '../core/index.js'
import { resolveLaunch, spawnChild, type Child } from '../process/index.js'
import type { ProbeEnd } from './probe-kind.js'

const KEPT_OUTPUT = 300
/** What a command gets of the daemon's own environment when its server has no process. */
const INHERITED = ['PATH', 'HOME', 'USER', 'LANG', 'TMPDIR', 'SystemRoot'] as const

/**
 * A command that is to end with exit status 0, in the folder and environment of its server. It carries the marker of the
 * instance, so that whatever it leaves behind ends with that at the latest; its group is killed when it ends or is
 * broken off.
 */
export function startCommandProbe({ spec, command, args, marker }: { readonly spec: ServerSpec; readonly command: string; readonly args: readonly string[]; readonly marker: string }, end: ProbeEnd): () => void {
  const name = basename(command)
  let child: Child | null = null
  let isOver = false
  const run = async (): Promise<void> => {
    child = await spawnChild({ launch: resolveLaunch(launchOf(spec, command, args)), marker })
    const running = child
    const output = collect(running)
    running.endInput()
    running.onExit((exit) => {
      killGroup(running.pid)
      // What it said last may still be in its pipes.
      void running.release().then(() => end(exit.code === 0 ? null : `${name} ${describeExit(exit)}${output()}`))
    })
    if (isOver) running.signalGroup('SIGKILL')
  }
  run().catch((error: unknown) => end(`${name} could not be run: ${error instanceof Error ? error.message : String(error)}`))
  return () => {
    isOver = true
    child?.signalGroup('SIGKILL')
  }
}

function launchOf({ launch, source }: ServerSpec, command: string, args: readonly string[]): LaunchSpec {
  const own = Object.fromEntries(INHERITED.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])))
  return { command, args, cwd: launch?.cwd ?? dirname(source), env: launch?.env ?? own, ownEnv: [], shown: [command] }
}

/** The end of what it said, as the end of a sentence. */
function collect({ stdout, stderr }: Child): () => string {
  let text = ''
  for (const stream of [stdout, stderr]) {
    stream.on('data', (chunk: Buffer) => {
      text = (text + chunk.subarray(-KEPT_OUTPUT).toString('utf8')).slice(-KEPT_OUTPUT)
    })
  }
  return () => {
    const line = text.replaceAll(/\s+/g, ' ').trim()
    return line === '' ? '' : `: ${line}`
  }
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL')
  } catch {
    // Nobody is left.
  }
}
