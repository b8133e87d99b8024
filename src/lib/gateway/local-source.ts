import { DEFAULT_TRAFFIC, type ManagementSettings } from '../core/index.js'
import { accessOf, type Access } from './access.js'
import type { SessionOptions, View } from './contract.js'
import type { LocalLink } from './local-link.js'
import type { ServerSource, SourceServer } from './source.js'

/** The gateway's own tools come from these. No configured name can hold a colon. */
export const MANAGEMENT = 'mcpctl:management'
export const WORKFLOWS = 'mcpctl:workflows'

/** Whether that is the gateway itself. */
export function isLocal(name: string): boolean {
  return name.startsWith('mcpctl:')
}

/** A part of the gateway that is a server for its clients. `isOn` is asked anew each time, `open` once, when it first is. */
export interface LocalServer {
  readonly name: string
  readonly isOn: () => boolean
  readonly open: () => LocalLink
}

/** These servers, and behind them those that are the gateway itself. */
export function withLocal(source: ServerSource, locals: readonly LocalServer[]): ServerSource & { close(): void } {
  const open = new Map<string, SourceServer & { readonly link: LocalLink }>()
  const find = (name: string): SourceServer | null => {
    const local = locals.find((each) => each.name === name)
    if (local === undefined || !local.isOn()) return null
    const known = open.get(name)
    if (known !== undefined) return known
    const link = local.open()
    const made = {
      name, link, presence: 'up', reason: '', retryAfterMs: null, up: { link, established: link.established },
      isolation: 'shared', idleStopMs: null, roots: null, tags: [], traffic: DEFAULT_TRAFFIC, keepsNames: true,
    } as const
    open.set(name, made)
    return made
  }
  return {
    names: () => [...source.names(), ...locals.flatMap(({ name, isOn }) => (isOn() ? [name] : []))],
    get: (name) => (isLocal(name) ? find(name) : source.get(name)),
    remembered: (name) => (isLocal(name) ? null : source.remembered(name)),
    remember: (name, what) => { if (!isLocal(name)) source.remember(name, what) },
    suspect: (name, failure, reason) => { if (!isLocal(name)) source.suspect?.(name, failure, reason) },
    wake: (name) => { source.wake(name) },
    rest: (name) => { source.rest(name) },
    openOwn: (name, client) => source.openOwn(name, client),
    closeOwn: (name) => { source.closeOwn(name) },
    note: (name, text) => { if (!isLocal(name)) source.note(name, text) },
    listen: (listener) => { source.listen(listener) },
    close: () => { for (const { link } of open.values()) link.close() },
  }
}

/** The options of a session whose view says what its caller may see of the gateway's own tools. */
export function withManagement<T extends SessionOptions>(options: T): T {
  return { ...options, view: viewOf(options.view, accessOf(options.door, options.access)) }
}

/**
 * A session's view, with what its caller may see of the gateway's own tools. They are part of a view of everything, and
 * of one that asks for them; a choice of servers is not widened.
 */
function viewOf(view: View, access: Access): View {
  const isAsked = view.manages === 'asked' || (view.manages !== 'never' && view.servers === null && view.tags.length === 0)
  if (!isAsked) return view.manages === undefined ? view : { ...view, manages: 'never' }
  // Who has a key of its own has what that grants; over the home's own socket clients ask for them. The gateway's token
  // is what every client has: it grants them only where they are meant for all.
  const isOpen = access.kind === 'local' || access.kind === 'token' || access.kind === 'anonymous'
  const isGranted = isOpen ? access.kind === 'local' && view.manages === 'asked' : access.grant.manage
  return { ...view, manages: isGranted ? 'granted' : isOpen ? 'open' : 'never' }
}

/** Whether a view, as `viewOf` made it, shows the gateway's own tools now. */
export function showsManagement({ manages }: View, { tools }: ManagementSettings): boolean {
  return tools !== 'off' && (manages === 'granted' || (manages === 'open' && tools === 'on'))
}

/** Whether a view shows the tools for workflows where they are switched on: one of everything, or of a profile. */
export function showsWorkflows({ servers, tags, profile = null }: View): boolean {
  return profile !== null || (servers === null && tags.length === 0)
}
