import { commandOf } from '../lib/cli/command-of.js'
import { status } from '../lib/verbs/status.js'

export default commandOf(status)
