export type { HttpFront, HttpFrontOptions, Monitor, MonitorPage, SessionStore, StoredSession } from './contract.js'
export { openHttpFront } from './front.js'
