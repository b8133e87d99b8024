import { commandOf } from '../../lib/cli/command-of.js'
import { configSchemaVerb } from '../../lib/verbs/config-schema.js'

export default commandOf(configSchemaVerb)
