export { openFrontStream, type FrontStreamOptions } from './front-stream.js'
export { runPump, type PumpOptions } from './pump.js'
export { openRelay, type Relay, type RelayOptions } from './relay.js'
