import { commandOf } from '../../lib/cli/command-of.js'
import { configShow } from '../../lib/verbs/config-show.js'

export default commandOf(configShow)
