import { defineVerb, type Io, type Outcome } from '../cli/index.js'
import type { LoadedConfig } from '../config/index.js'
import { readRuntimeChanges, type RuntimeChanges } from '../control/index.js'
import { expandNames } from './names.js'
import { carryOut, openGround, type Ground } from './runtime-change.js'
import { readTimeout, TIMEOUT_FLAG } from './start.js'

const KEPT = 'Kept in MCP_HOME (state/runtime.json) and stronger than what the configuration file says, until it is switched back or mcpctl config reset drops it.'

export const enable = defineVerb({
  id: 'enable',
  summary: 'Switch servers on that are disabled.',
  description: `A running daemon starts them, and the command waits until they are ready. ${KEPT}`,
  examples: ['enable files', "enable 'db-*' --json"],
  names: { summary: 'Servers to switch on.', required: true },
  flags: { timeout: TIMEOUT_FLAG },
  run: ({ names, flags }, io) => switchServers(io, { asked: names, isOn: true, timeoutMs: readTimeout(flags.timeout) }),
})

export const disable = defineVerb({
  id: 'disable',
  summary: 'Switch servers off, whatever their configuration says.',
  description: `A running daemon stops them, and clients do not see them any more. ${KEPT}`,
  examples: ['disable files', 'disable files git --json'],
  names: { summary: 'Servers to switch off.', required: true },
  flags: { timeout: TIMEOUT_FLAG },
  run: ({ names, flags }, io) => switchServers(io, { asked: names, isOn: false, timeoutMs: readTimeout(flags.timeout) }),
})

interface SwitchOrder {
  readonly asked: readonly string[]
  readonly isOn: boolean
  readonly timeoutMs: number | null
}

async function switchServers(io: Io, { asked, isOn, timeoutMs }: SwitchOrder): Promise<Outcome> {
  const ground = await openGround(io)
  try {
    const changes = readRuntimeChanges(ground.home)
    // Switched off, a server may refer to what is missing: that is how one gets rid of it.
    const config = await ground.load(isOn ? switched(changes, asked, null) : switched(changes, asked, false))
    const names = expandNames(asked, namesOf(ground, config)).flatMap((name) => membersOf(config, name))
    const action = isOn ? 'enable' : 'disable'
    const outcome = await carryOut({ io, ground, action, names, timeoutMs, change: (now) => names.reduce((all, name) => switched(all, [name], isOn && saysOn(config, name) ? null : isOn), now) })
    io.say(`${isOn ? 'enabled' : 'disabled'} ${names.join(', ')}`)
    return outcome
  } finally {
    ground.client?.close()
  }
}

/** The changes with these servers switched on or off; null: as their files have them. */
function switched({ servers, enabled }: RuntimeChanges, names: readonly string[], isOn: boolean | null): RuntimeChanges {
  const kept = Object.entries(enabled).filter(([name]) => !names.includes(name))
  return { servers, enabled: Object.fromEntries([...kept, ...(isOn === null ? [] : names.map((name): [string, boolean] => [name, isOn]))]) }
}

/** Every name that can be switched: those in files, and not the numbered instances that are made of one. */
function namesOf({ snapshot }: Ground, config: LoadedConfig | null): string[] {
  const known = (config?.servers ?? []).flatMap(({ name, traffic }) => [keyOf(name), ...(traffic.membership === null ? [] : [traffic.membership.group])])
  const running = (snapshot?.servers ?? []).filter(({ removed, source }) => !removed && source !== 'session').map(({ name }) => keyOf(name))
  return [...new Set([...known, ...running])]
}

/** The servers a name stands for: a group's members, as their files name them. */
function membersOf(config: LoadedConfig | null, name: string): string[] {
  const members = (config?.servers ?? []).filter(({ traffic }) => traffic.membership?.group === name).map((spec) => keyOf(spec.name))
  return config?.servers.some((spec) => spec.name === name) === true || members.length === 0 ? [name] : [...new Set(members)]
}

/** `search@2` is made of what the file calls `search`. */
function keyOf(name: string): string {
  return name.split('@')[0] ?? name
}

function saysOn(config: LoadedConfig | null, name: string): boolean {
  return config?.servers.find((spec) => keyOf(spec.name) === name)?.enabled === true
}
