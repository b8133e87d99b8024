export type { HttpFront, HttpFrontOptions, SessionStore, StoredSession } from './contract.js'
export { openHttpFront } from './front.js'
