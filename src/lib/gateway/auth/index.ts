export { createAuthenticator } from './authenticator.js'
export { Challenge } from './challenge.js'
export type { Authenticator, Denial, KeySource, Verdict } from './contract.js'
export { readShown } from './shown.js'
