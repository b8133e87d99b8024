import type { GatewaySettings } from '../core/index.js'
import type { View } from './contract.js'
import { isOffered } from './group/offer.js'
import type { ServerSource } from './source.js'

/** The view of one server or group, by name; null when there is none. */
export function viewOfServer(name: string, source: ServerSource): View | null {
  return isOffered(name, source) ? { servers: [name], tags: [], prefix: null, separator: null } : null
}

/** The view of a profile; null when there is none. */
export function viewOfProfile(name: string, { profiles }: GatewaySettings): View | null {
  const profile = Object.hasOwn(profiles, name) ? profiles[name] : undefined
  return profile === undefined ? null : { servers: profile.servers, tags: profile.tags, prefix: null, separator: null, profile: name }
}

/** A view as it is to be taken now: a profile is what the configuration says of it, also for clients that came before. */
export function viewNow(view: View, { profiles }: GatewaySettings): View {
  if (view.profile == null) return view
  const { servers = [], tags = [] } = (Object.hasOwn(profiles, view.profile) ? profiles[view.profile] : undefined) ?? {}
  return servers === view.servers && tags === view.tags ? view : { ...view, servers, tags }
}
