import type { ControlClient, ControlEvent } from '../control/index.js'
import type { ServerSnapshot } from '../core/index.js'

export type Verdict = 'good' | 'bad' | 'open'

export interface Watch {
  /** Newest state of every server the daemon knows. */
  readonly servers: ReadonlyMap<string, ServerSnapshot>
  /** Resolves when every watched server is judged; 'lost' when the daemon went away, 'aborted' and 'timeout' as named. */
  readonly done: Promise<'done' | 'lost' | 'aborted' | 'timeout'>
  /** Forget what was said before now: judge only what happens after it. */
  begin(names: readonly string[]): void
  /** Ends the watch early; `done` resolves as aborted. */
  close(): void
}

export interface WatchOptions {
  readonly judge: (server: ServerSnapshot | undefined, servers: ReadonlyMap<string, ServerSnapshot>) => Verdict
  readonly onChange: (server: ServerSnapshot) => void
  readonly signal: AbortSignal
  readonly timeoutMs: number | null
}

/** Follows servers through the daemon's events until each has come to a verdict. */
export function watchServers(client: ControlClient, options: WatchOptions): Watch {
  const servers = new Map<string, ServerSnapshot>()
  let names: readonly string[] | null = null
  let finish: (how: 'done' | 'lost' | 'aborted' | 'timeout') => void = () => undefined
  const timer = options.timeoutMs === null ? undefined : setTimeout(() => finish('timeout'), options.timeoutMs)
  const onAbort = (): void => finish('aborted')
  const done = new Promise<'done' | 'lost' | 'aborted' | 'timeout'>((resolve) => {
    finish = (how) => {
      clearTimeout(timer)
      options.signal.removeEventListener('abort', onAbort)
      resolve(how)
    }
  })
  options.signal.addEventListener('abort', onAbort)
  // A listener that comes after the event is never called.
  if (options.signal.aborted) onAbort()
  // A failure stands: a server that failed once is tried again meanwhile, and nobody would wait for all to fail at once.
  // A success does not: what was ready and is being restarted by somebody else will be ready again.
  const failed = new Set<string>()
  const check = (): void => {
    if (names === null) return
    const verdicts = names.map((name) => ({ name, verdict: options.judge(servers.get(name), servers) }))
    for (const { name, verdict } of verdicts) if (verdict === 'bad') failed.add(name)
    if (verdicts.every(({ name, verdict }) => verdict === 'good' || failed.has(name))) finish('done')
  }
  const onEvent = (event: ControlEvent): void => {
    if (event.type === 'snapshot') for (const server of event.snapshot.servers) servers.set(server.name, server)
    if (event.type === 'removed') servers.delete(event.name)
    if (event.type === 'server') {
      servers.set(event.server.name, event.server)
      if (names?.includes(event.server.name)) options.onChange(event.server)
    }
    check()
  }
  client.subscribe(onEvent).then(
    () => finish('lost'),
    () => finish('lost'),
  )
  return {
    servers,
    done,
    begin(watched) {
      names = watched
      check()
    },
    close: () => finish('aborted'),
  }
}

/** A start has come out: ready, or failed at least once beyond the immediate restart, or waits for one that did. */
export function judgeStart(server: ServerSnapshot | undefined, servers: ReadonlyMap<string, ServerSnapshot>): Verdict {
  if (server === undefined) return 'bad'
  switch (server.phase) {
    case 'ready':
      return 'good'
    case 'failed':
    case 'exited':
    case 'backoff':
    case 'unready':
    case 'idle':
      return 'bad'
    case 'waiting':
      return server.dependsOn.some((name) => judgeStart(servers.get(name), servers) === 'bad') ? 'bad' : 'open'
    case 'starting':
    case 'stopping':
      return 'open'
  }
}
