import { commandOf } from '../../lib/cli/command-of.js'
import { keyRemove } from '../../lib/verbs/key-remove.js'

export default commandOf(keyRemove)
