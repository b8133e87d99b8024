// By their own files: what a user's compiler reads of this package needs no types of Node then.
export type { McpctlConfig, ServerConfig } from '../config/define.js'
export type { PrefixMode } from '../core/gateway-spec.js'
export type { ServerSnapshot } from '../core/snapshot.js'
