import { commandOf } from '../../lib/cli/command-of.js'
import { daemonStatus } from '../../lib/verbs/daemon-status.js'

export default commandOf(daemonStatus)
