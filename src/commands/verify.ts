import { commandOf } from '../lib/cli/command-of.js'
import { verify } from '../lib/verbs/verify.js'

export default commandOf(verify)
