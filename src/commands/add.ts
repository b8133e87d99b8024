import { commandOf } from '../lib/cli/command-of.js'
import { add } from '../lib/verbs/add.js'

export default commandOf(add)
