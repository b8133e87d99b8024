import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Distinct } from '../clients/index.js'
import type { Io } from '../cli/index.js'

/** Servers whose program is not on this machine, or whose folder is gone, written down disabled: all others can start then. */
export async function disableMissing(servers: readonly Distinct[], folder: string, io: Io): Promise<Distinct[]> {
  const { lookUpExecutable } = await import('../process/index.js')
  return servers.map((server) => {
    const { command, cwd = folder, env = {} } = server.draft
    const isPlain = command !== undefined && ![command, cwd, env['PATH'] ?? ''].some((text) => text.includes('${') || text.startsWith('~'))
    if (server.disabled !== null || !isPlain) return server
    const place = resolve(folder, cwd)
    const why = server.draft.cwd !== undefined && !existsSync(place) ? `its folder ${cwd} does not exist` : lookUpExecutable(command, { cwd: place, env: { PATH: env['PATH'] ?? io.env['PATH'] ?? '' } }) === null ? `its program ${command} was not found` : null
    return why === null ? server : { ...server, disabled: why, draft: { ...server.draft, enabled: false } }
  })
}
