import { commandOf } from '../../lib/cli/command-of.js'
import { configValidate } from '../../lib/verbs/config-validate.js'

export default commandOf(configValidate)
