export type { AccessRefusal, Authorizer, HeaderSet } from './authorizer.js'
export { LEGACY_VERSIONS, MODERN_VERSIONS } from './era.js'
export { isTooDeep } from './depth.js'
export { toOneLine } from './one-line.js'
export { LineFramer, type FramerOptions, type OversizeLine } from './framer.js'
export { HEAD_BYTES, KEPT_FRAMES, type Frame } from './frame-memory.js'
export { openHttpLink, type HttpLinkOptions } from './http-link.js'
export { isJsonObject, type ErrorObject, type JsonObject, type RequestId } from './json-rpc.js'
export type {
  CallOptions,
  Catalogue,
  ClientIdentity,
  Established,
  EstablishOptions,
  EraVerdict,
  FrameTap,
  Link,
  LinkActivity,
  LinkCounters,
  LinkHooks,
  PassedReceiver,
  PassedRequest,
  ServerInfo,
  ServerRequest,
  UnansweredCall,
} from './link.js'
export { LinkError, RpcError, type LinkFailure } from './link-error.js'
export { readList } from './read-list.js'
export { openStdioLink, type StdioLinkOptions } from './stdio-link.js'
export { readToolHeaders, type LearntTools } from './tool-headers.js'
