import { commandOf } from '../lib/cli/command-of.js'
import { disable } from '../lib/verbs/switch.js'

export default commandOf(disable)
