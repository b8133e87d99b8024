import { defineVerb } from '../cli/index.js'
import { readRuntimeChanges, type RuntimeChanges } from '../control/index.js'
import { McpctlError } from '../errors/index.js'
import { expandNames } from './names.js'
import { carryOut, openGround, type Ground } from './runtime-change.js'
import { readTimeout, TIMEOUT_FLAG } from './start.js'

export const remove = defineVerb({
  id: 'remove',
  summary: 'Take away servers that were added with mcpctl add.',
  description: 'A running daemon stops them and forgets them. Servers of a configuration file are taken away there, or switched off with mcpctl disable.',
  examples: ['remove search', "remove 'test-*' --json"],
  names: { summary: 'Servers that were added.', required: true },
  flags: { timeout: TIMEOUT_FLAG },
  run: async ({ names, flags }, io) => {
    const timeoutMs = readTimeout(flags.timeout)
    const ground = await openGround(io)
    try {
      const changes = readRuntimeChanges(ground.home)
      const removed = await chooseRemoved(ground, changes, names)
      const outcome = await carryOut({ io, ground, action: 'remove', names: removed, change: (now) => without(now, removed), timeoutMs })
      io.say(`removed ${removed.join(', ')}`)
      return outcome
    } finally {
      ground.client?.close()
    }
  },
})

async function chooseRemoved(ground: Ground, changes: RuntimeChanges, names: readonly string[]): Promise<string[]> {
  const added = Object.keys(changes.servers)
  if (names.every((name) => added.includes(name))) return [...new Set(names)]
  const isPattern = (name: string): boolean => /[*?]/.test(name)
  const config = await ground.load(changes)
  const configured = new Map([...(ground.snapshot?.servers ?? []), ...(config?.servers ?? [])].filter(({ source }) => source !== ground.file).map(({ name, source }) => [name, source]))
  for (const name of names) {
    const source = configured.get(name)
    if (source !== undefined && !added.includes(name)) {
      throw new McpctlError('USAGE', `server "${name}" was not added at run time: it stands in ${source}`, { hint: `Take it out of that file, or switch it off: mcpctl disable ${name}`, details: { name, source } })
    }
  }
  // A pattern means those that can be removed; a name that is nowhere is told with the names there are.
  return expandNames(names, names.some((name) => !isPattern(name) && !added.includes(name)) ? [...added, ...configured.keys()] : added)
}

function without({ servers, enabled }: RuntimeChanges, names: readonly string[]): RuntimeChanges {
  const keep = <T>(record: Readonly<Record<string, T>>): Record<string, T> => Object.fromEntries(Object.entries(record).filter(([name]) => !names.includes(name)))
  return { servers: keep(servers), enabled: keep(enabled) }
}
