export { followLogs, type FollowQuery } from './follow-logs.js'
export type { LogLine, LogStream } from './line.js'
export { readLogs, streamLogs, type LogQuery } from './read-logs.js'
export { openServerLog, type ServerLog, type ServerLogOptions } from './server-log.js'
