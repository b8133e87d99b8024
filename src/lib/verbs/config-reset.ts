import { defineVerb } from '../cli/index.js'
import { dropRuntimeChanges, NO_CHANGES, readRuntimeChanges, type Home } from '../control/index.js'
import { McpctlError } from '../errors/index.js'
import { confirm } from './init-confirm.js'
import { carryOut, openGround } from './runtime-change.js'

export const configReset = defineVerb({
  id: 'config reset',
  summary: 'Drop all changes that were made at run time.',
  description: 'Servers that were added are taken away, and those that were switched on or off are as their files have them. A running daemon follows at once.',
  examples: ['config reset', 'config reset --yes --json'],
  flags: { yes: { type: 'boolean', short: 'y', summary: 'Do not ask.' } },
  run: async ({ flags }, io) => {
    const ground = await openGround(io)
    try {
      if (flags.yes === true) dropBroken(ground.home)
      const changes = readRuntimeChanges(ground.home)
      const added = Object.keys(changes.servers)
      const names = [...new Set([...added, ...Object.keys(changes.enabled)])]
      if (names.length === 0) {
        io.say('nothing was changed at run time')
        return { json: { action: 'reset', names, file: ground.file, daemon: ground.client === null ? null : 'running', changes: [], servers: [] } }
      }
      for (const name of added) io.say(`  added: ${name}`)
      for (const [name, isOn] of Object.entries(changes.enabled)) io.say(`  ${isOn ? 'enabled' : 'disabled'}: ${name}`)
      if (flags.yes !== true) {
        if (!process.stdin.isTTY || !io.sayTerminal.interactive || io.json) throw new McpctlError('USAGE', 'config reset drops these changes and there is nobody to ask', { hint: 'Add --yes to go ahead: mcpctl config reset --yes', details: { command: 'config reset', names } })
        if (!(await confirm(io, 'Drop all of this?'))) throw new McpctlError('INTERRUPTED', 'nothing was changed', { hint: 'Everything stays as it was.' })
      }
      const outcome = await carryOut({ io, ground, action: 'reset', names, change: () => NO_CHANGES, timeoutMs: null })
      io.say('dropped')
      return outcome
    } finally {
      ground.client?.close()
    }
  },
})

/** What nobody can read is dropped unread: a daemon follows with its next reload. */
function dropBroken(home: Home): void {
  try {
    readRuntimeChanges(home)
  } catch (error) {
    if (!(error instanceof McpctlError) || error.code !== 'CONFIG_SYNTAX') throw error
    dropRuntimeChanges(home)
  }
}
