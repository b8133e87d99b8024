import { commandOf } from '../lib/cli/command-of.js'
import { importVerb } from '../lib/verbs/import.js'

export default commandOf(importVerb)
