import type { RouteParts } from './route.js'
import type { SessionHost } from './session-host.js'
import type { SessionView } from './session-view.js'

/** What routing looks at, for one session and one era: made once, read anew by every request. */
export function createRouteParts(servers: SessionView, host: SessionHost<never>, isModern: boolean): RouteParts {
  return {
    merged: () => servers.catalogue.merged(),
    whole: () => servers.catalogue.whole(),
    absence: (server, member) => servers.absenceOf(server, member),
    pending: () => servers.catalogue.pending(),
    separator: () => host.separatorOf(servers.view),
    isPrefixed: () => host.prefixOf(servers.view) === 'always',
    servers: () => servers.catalogue.servers(),
    originOf: (uri) => host.originOf(uri),
    resourceServers: () => servers.catalogue.servers().filter((name) => servers.supplierOf(name).offersResources),
    isModern,
  }
}
