import { commandOf } from '../lib/cli/command-of.js'
import { logs } from '../lib/verbs/logs.js'

export default commandOf(logs)
