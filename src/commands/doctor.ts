import { commandOf } from '../lib/cli/command-of.js'
import { doctor } from '../lib/verbs/doctor.js'

export default commandOf(doctor)
