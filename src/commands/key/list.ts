import { commandOf } from '../../lib/cli/command-of.js'
import { keyList } from '../../lib/verbs/key-list.js'

export default commandOf(keyList)
