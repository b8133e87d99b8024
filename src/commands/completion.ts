import { commandOf } from '../lib/cli/command-of.js'
import { completion } from '../lib/verbs/completion.js'

export default commandOf(completion)
