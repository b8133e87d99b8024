import type { Hook } from '@oclif/core'
import { nearest } from '../base/index.js'
import { McpctlError } from '../errors/index.js'
import { reportError } from './run-verb.js'

/** An unknown command ends with 127 and the nearest names; it never asks and never runs another command instead. */
const commandNotFound: Hook.CommandNotFound = ({ id, config, argv }) => {
  const typed = id.replaceAll(':', ' ')
  const known = config.commandIDs.map((command) => command.replaceAll(':', ' '))
  const close = nearest(typed, known)
  const error = new McpctlError('UNKNOWN_COMMAND', `there is no command "${typed}"`, {
    hint: close.length > 0 ? `Did you mean mcpctl ${close.join(' or mcpctl ')}?` : 'See mcpctl help for all commands.',
    details: { command: typed, suggestions: close },
  })
  reportError(error, (argv ?? []).includes('--json'))
  return Promise.resolve()
}

export default commandNotFound
