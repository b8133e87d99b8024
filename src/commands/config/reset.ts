import { commandOf } from '../../lib/cli/command-of.js'
import { configReset } from '../../lib/verbs/config-reset.js'

export default commandOf(configReset)
