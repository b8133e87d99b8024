import { commandOf } from '../lib/cli/command-of.js'
import { reload } from '../lib/verbs/reload.js'

export default commandOf(reload)
