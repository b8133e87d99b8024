export { LEGACY_VERSIONS, MODERN_VERSIONS } from './era.js'
export { LineFramer, type FramerOptions, type OversizeLine } from './framer.js'
export { openHttpLink, type HttpLinkOptions } from './http-link.js'
export type { ErrorObject, JsonObject, RequestId } from './json-rpc.js'
export type {
  CallOptions,
  Catalogue,
  ClientIdentity,
  Established,
  EstablishOptions,
  EraVerdict,
  Link,
  LinkCounters,
  LinkHooks,
  ServerInfo,
  ServerRequest,
} from './link.js'
export { LinkError, RpcError, type LinkFailure } from './link-error.js'
export { openStdioLink, type StdioLinkOptions } from './stdio-link.js'
