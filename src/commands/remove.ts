import { commandOf } from '../lib/cli/command-of.js'
import { remove } from '../lib/verbs/remove.js'

export default commandOf(remove)
