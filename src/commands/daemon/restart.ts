import { commandOf } from '../../lib/cli/command-of.js'
import { daemonRestart } from '../../lib/verbs/daemon-restart.js'

export default commandOf(daemonRestart)
