export { openFrontStream, type FrontStreamOptions } from './front-stream.js'
export type { PumpOptions } from './options.js'
export { runPump } from './pump.js'
export { openRelay, type Relay, type RelayOptions } from './relay.js'
