import { commandOf } from '../lib/cli/command-of.js'
import { logout } from '../lib/verbs/logout.js'

export default commandOf(logout)
