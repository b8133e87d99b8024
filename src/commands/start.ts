import { commandOf } from '../lib/cli/command-of.js'
import { start } from '../lib/verbs/start.js'

export default commandOf(start)
