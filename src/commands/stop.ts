import { commandOf } from '../lib/cli/command-of.js'
import { stop } from '../lib/verbs/stop.js'

export default commandOf(stop)
