export { connectControl, type ControlClient, type DaemonHello } from './client.js'
export {
  MAX_HELLO_BYTES,
  readFrontHello,
  readFrontSignal,
  SUCCESSOR,
  SIGNAL_START,
  writeFrontHello,
  writeFrontSignal,
  type FrontHello,
  type FrontResume,
  type FrontSignal,
  type FrontView,
} from './front-wire.js'
export { desiredFile, readDesired, type DesiredServer } from './desired.js'
export { changeRuntime, dropRuntimeChanges, NO_CHANGES, readRuntimeChanges, runtimeChangesFile, type RuntimeChanges } from './runtime-file.js'
export { changeKeyFile, keyFile, readKeyFile, watchKeyFile, type StoredKey, type StoredKeys } from './key-file.js'
export { ensureHome, homeUnusable, resolveHome, type Home } from './home.js'
export { acquireLock, type Lock } from './lock.js'
export { readApplyParams, readConfigFailedParams, readMetricsParams, readNamesParams, readReloadParams, readShutdownParams, readSnapshotParams, readTraceParams } from './read-spec.js'
export { readErrorDocument } from './read.js'
export { openControlServer, type ControlServer, type RequestContext, type RequestHandler } from './server.js'
export {
  PROTOCOL,
  type ApplyParams,
  type ApplyResult,
  type ConfigFailedParams,
  type ConfigOrigin,
  type ControlEvent,
  type DefinitionsResult,
  type ListedServer,
  type Method,
  type Methods,
  type NamesResult,
  type ReloadChange,
  type ReloadParams,
  type ReloadResult,
  type StreamEvent,
  type TraceParams,
} from './wire.js'
export { VERSION } from './version.js'
export { ensureDaemon } from './launch.js'
