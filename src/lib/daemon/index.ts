export type { Daemon } from './daemon.js'
export { runDaemon } from './run.js'
export { cleanUpHome } from './survivors.js'
