import { commandOf } from '../lib/cli/command-of.js'
import { lock } from '../lib/verbs/lock.js'

export default commandOf(lock)
