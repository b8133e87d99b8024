import { commandOf } from '../../lib/cli/command-of.js'
import { daemonRun } from '../../lib/verbs/daemon-run.js'

export default commandOf(daemonRun)
