import { commandOf } from '../lib/cli/command-of.js'
import { install } from '../lib/verbs/install.js'

export default commandOf(install)
