import { commandOf } from '../lib/cli/command-of.js'
import { call } from '../lib/verbs/call.js'

export default commandOf(call)
