export type { AttributeValue, ServerAddress, TracedCall, TracedEnd } from './call-span.js'
export type { ExporterCounts } from './exporter.js'
export { isTelemetryWanted, readTelemetrySettings, type ReadSettings, type TelemetrySettings } from './settings.js'
export { openTelemetry, type Telemetry, type TelemetryOptions } from './telemetry.js'
