import type { GatewayOptions } from './owned-gateway.js'
import { LocalLink } from './local-link.js'
import { MANAGEMENT, withLocal, WORKFLOWS, type LocalServer } from './local-source.js'
import { createManagementTools } from './management-tools.js'
import type { ServerSource } from './source.js'
import { createUtilityTools } from './utility-tools.js'
import { createWorkflowLink } from './workflow/index.js'

/** The servers of a gateway, with those that are the gateway itself. Its owner closes it. */
export function managedSource({ source, management, version, now, settings }: GatewayOptions): ServerSource & { close(): void } {
  const workflows: LocalServer = { name: WORKFLOWS, isOn: () => settings().workflows, open: () => createWorkflowLink(version, now) }
  if (management === undefined) return withLocal(source, [workflows])
  const open = (): LocalLink => new LocalLink([...createManagementTools({ management, version, now, allowCommands: () => settings().management.allowCommands }), ...createUtilityTools({ management, now })], version)
  return withLocal(source, [{ name: MANAGEMENT, isOn: () => true, open }, workflows])
}
