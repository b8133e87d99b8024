import { commandOf } from '../lib/cli/command-of.js'
import { init } from '../lib/verbs/init.js'

export default commandOf(init)
