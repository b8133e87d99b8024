import { commandOf } from '../lib/cli/command-of.js'
import { enable } from '../lib/verbs/switch.js'

export default commandOf(enable)
