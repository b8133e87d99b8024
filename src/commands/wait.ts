import { commandOf } from '../lib/cli/command-of.js'
import { wait } from '../lib/verbs/wait.js'

export default commandOf(wait)
