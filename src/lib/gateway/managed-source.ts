import type { GatewayOptions } from './owned-gateway.js'
import { LocalLink } from './local-link.js'
import { withLocal } from './local-source.js'
import { createManagementTools } from './management-tools.js'
import type { ServerSource } from './source.js'
import { createUtilityTools } from './utility-tools.js'

/** The servers of a gateway, with the one that is the gateway itself if clients may look after them. */
export function managedSource({ source, management, version, now, settings }: GatewayOptions): ServerSource {
  if (management === undefined) return source
  const tools = [...createManagementTools({ management, version, now, allowCommands: () => settings().management.allowCommands }), ...createUtilityTools({ management, now })]
  return withLocal(source, new LocalLink(tools, version))
}
