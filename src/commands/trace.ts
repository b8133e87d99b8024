import { commandOf } from '../lib/cli/command-of.js'
import { trace } from '../lib/verbs/trace.js'

export default commandOf(trace)
