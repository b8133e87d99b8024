import { commandOf } from '../lib/cli/command-of.js'
import { login } from '../lib/verbs/login.js'

export default commandOf(login)
