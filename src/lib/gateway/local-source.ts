import { DEFAULT_TRAFFIC, type ManagementSettings } from '../core/index.js'
import { accessOf, type Access } from './access.js'
import type { SessionOptions, View } from './contract.js'
import type { LocalLink } from './local-link.js'
import type { ServerSource, SourceServer } from './source.js'

/** The gateway's own tools come from here. No configured name can hold a colon. */
export const MANAGEMENT = 'mcpctl:management'

/** These servers, and behind them the one that is the gateway itself. */
export function withLocal(source: ServerSource, link: LocalLink): ServerSource {
  const server: SourceServer = {
    name: MANAGEMENT, presence: 'up', reason: '', retryAfterMs: null, up: { link, established: link.established },
    isolation: 'shared', idleStopMs: null, roots: null, tags: [], traffic: DEFAULT_TRAFFIC, keepsNames: true,
  }
  const isOwn = (name: string): boolean => name === MANAGEMENT
  return {
    names: () => [...source.names(), MANAGEMENT],
    get: (name) => (isOwn(name) ? server : source.get(name)),
    remembered: (name) => (isOwn(name) ? null : source.remembered(name)),
    remember: (name, what) => { if (!isOwn(name)) source.remember(name, what) },
    suspect: (name, failure, reason) => { if (!isOwn(name)) source.suspect?.(name, failure, reason) },
    wake: (name) => { source.wake(name) },
    rest: (name) => { source.rest(name) },
    openOwn: (name, client) => source.openOwn(name, client),
    closeOwn: (name) => { source.closeOwn(name) },
    note: (name, text) => { if (!isOwn(name)) source.note(name, text) },
    listen: (listener) => { source.listen(listener) },
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
