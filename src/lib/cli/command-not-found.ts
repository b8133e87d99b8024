import type { Hook } from '@oclif/core'
import { reportError } from './run-verb.js'
import { explainUnknown } from './unknown-command.js'

/** An unknown command ends with 127 and the nearest names; it never asks and never runs another command instead. */
const commandNotFound: Hook.CommandNotFound = ({ id, config, argv }) => {
  const known = config.commandIDs.map((command) => command.replaceAll(':', ' '))
  reportError(explainUnknown(id.replaceAll(':', ' '), known), id === '--json' || (argv ?? []).includes('--json'))
  return Promise.resolve()
}

export default commandNotFound
