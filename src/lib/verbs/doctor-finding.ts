export type Area =
  | 'node' | 'home' | 'state' | 'disk' | 'clock' | 'configuration' | 'path' | 'commands' | 'wrappers' | 'ports' | 'daemon' | 'definitions' | 'limits' | 'descriptors'
  | 'leaks' | 'clients' | 'telemetry'

/** A way out that is safe to take without asking: it can be done again, and loses nothing. */
export interface Repair {
  /** What it does, as in "mode 0700 for /home/me/.mcp". */
  readonly does: string
  apply(): Promise<void> | void
}

/** One thing that was looked at. `fix` is the next step, for everything that is not `ok`. */
export interface Finding {
  readonly area: Area
  readonly state: 'ok' | 'warn' | 'fail'
  readonly detail: string
  readonly fix: string | null
  /** The server it is about; null: all of them, or none. */
  readonly server: string | null
  readonly repair: Repair | null
}

interface About {
  readonly server?: string
  readonly repair?: Repair
}

export function ok(area: Area, detail: string, { server = undefined }: About = {}): Finding {
  return { area, state: 'ok', detail, fix: null, server: server ?? null, repair: null }
}

/** Worth a change, but everything works. */
export function warn(area: Area, detail: string, fix: string, about: About = {}): Finding {
  return { area, state: 'warn', detail, fix, server: about.server ?? null, repair: about.repair ?? null }
}

/** Something does not work, or is open to others. */
export function fail(area: Area, detail: string, fix: string, about: About = {}): Finding {
  return { ...warn(area, detail, fix, about), state: 'fail' }
}

/** "1 server", "3 servers". */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`
}
