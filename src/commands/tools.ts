import { commandOf } from '../lib/cli/command-of.js'
import { tools } from '../lib/verbs/tools.js'

export default commandOf(tools)
