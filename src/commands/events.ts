import { commandOf } from '../lib/cli/command-of.js'
import { events } from '../lib/verbs/events.js'

export default commandOf(events)
