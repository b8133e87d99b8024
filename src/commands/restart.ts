import { commandOf } from '../lib/cli/command-of.js'
import { restart } from '../lib/verbs/restart.js'

export default commandOf(restart)
