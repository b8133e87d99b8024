import { commandOf } from '../../lib/cli/command-of.js'
import { daemonStop } from '../../lib/verbs/daemon-stop.js'

export default commandOf(daemonStop)
