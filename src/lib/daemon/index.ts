export type { Daemon } from './daemon.js'
export { tryLimitsBackend } from './limits-snapshot.js'
export { runDaemon } from './run.js'
export { cleanUpHome } from './survivors.js'
