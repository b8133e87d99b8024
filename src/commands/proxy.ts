import { commandOf } from '../lib/cli/command-of.js'
import { proxy } from '../lib/verbs/proxy.js'

export default commandOf(proxy)
