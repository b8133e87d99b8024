export type { HttpFront, HttpFrontOptions, Monitor, MonitorPage, RefusedRequest, SessionStore, StoredSession } from './contract.js'
export { openHttpFront } from './front.js'
