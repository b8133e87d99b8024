export type { ServerAddress, TracedCall } from './call-span.js'
export { isTelemetryWanted, readTelemetrySettings } from './settings.js'
export { openTelemetry, type Telemetry } from './telemetry.js'
