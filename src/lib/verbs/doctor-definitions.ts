import { connectControl, VERSION, type ListedServer } from '../control/index.js'
import { describeHeld } from '../core/index.js'
import type { Facts } from './doctor-facts.js'
import { count, ok, warn, type Finding } from './doctor-finding.js'
import { hiddenWarnings } from './hidden-warning.js'

/** What servers tell models: whether it is what was locked, and whether it holds what nobody sees. */
export async function checkDefinitions({ home, daemon, config }: Facts): Promise<Finding[]> {
  if ((await daemon).state !== 'running') return []
  const client = await connectControl(home, VERSION)
  if (client === null) return []
  try {
    // A daemon of an older version knows nothing of definitions.
    const answer = await client.request('definitions', { names: null }).catch(() => null)
    const loaded = await config
    return answer === null ? [] : judgeDefinitions(answer.servers, loaded.state === 'loaded' && loaded.config.servers.some(({ traffic }) => traffic.pins !== null))
  } finally {
    client.close()
  }
}

/** `isLocked`: there is a lock, so a server that is not in it deserves a word. */
export function judgeDefinitions(servers: readonly ListedServer[], isLocked: boolean): Finding[] {
  const listed = servers.filter((server) => server.listed !== null)
  if (listed.length === 0) return []
  const held = listed.filter((server) => server.held.length > 0)
  const hidden = listed.flatMap((server) => hiddenWarnings([...(server.listed?.tools ?? []), ...(server.listed?.prompts ?? [])]).map((line) => ({ name: server.name, line })))
  const loose = isLocked ? listed.filter(({ isPinned }) => !isPinned) : []
  const pinned = listed.filter(({ isPinned }) => isPinned).length
  return [
    ...held.map((server) => warn('definitions', describeHeld(server.name, server.held), `mcpctl approve ${server.name} (shows what changed, and asks)`, { server: server.name })),
    ...hidden.map(({ name, line }) => warn('definitions', `${name}: ${line}`, `Look at it (mcpctl tools ${name} --json), and keep the tool from clients with tools.deny if it means harm.`, { server: name })),
    ...loose.map(({ name }) => ok('definitions', `${name} is not in mcp.lock: what it lists is taken as it is (mcpctl lock ${name} writes it down)`, { server: name })),
    ...(held.length + hidden.length > 0 ? [] : [ok('definitions', `nothing is hidden in what ${count(listed.length, 'server')} list${listed.length === 1 ? 's' : ''}${pinned === 0 ? '; not locked: mcpctl lock notices when it changes' : `; ${pinned} as locked`}`)]),
  ]
}
