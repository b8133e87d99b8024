import { commandOf } from '../../lib/cli/command-of.js'
import { exportMonitoring } from '../../lib/verbs/export-monitoring.js'

export default commandOf(exportMonitoring)
