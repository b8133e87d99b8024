import { commandOf } from '../../lib/cli/command-of.js'
import { keyCreate } from '../../lib/verbs/key-create.js'

export default commandOf(keyCreate)
