import { commandOf } from '../lib/cli/command-of.js'
import { reconnect } from '../lib/verbs/reconnect.js'

export default commandOf(reconnect)
