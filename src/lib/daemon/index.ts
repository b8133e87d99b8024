export { readDaemonFile, type Daemon } from './daemon.js'
export { runDaemon } from './run.js'
