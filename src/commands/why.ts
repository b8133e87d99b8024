import { commandOf } from '../lib/cli/command-of.js'
import { why } from '../lib/verbs/why.js'

export default commandOf(why)
