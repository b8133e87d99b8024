export { runPump, type PumpOptions } from './pump.js'
export { openRelay, type Relay, type RelayOptions } from './relay.js'
