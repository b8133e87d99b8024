import { commandOf } from '../lib/cli/command-of.js'
import { approve } from '../lib/verbs/approve.js'

export default commandOf(approve)
