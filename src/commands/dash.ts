import { commandOf } from '../lib/cli/command-of.js'
import { dash } from '../lib/verbs/dash.js'

export default commandOf(dash)
