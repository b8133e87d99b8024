import { defineVerb } from '../cli/index.js'
import { openConfigured } from './configured.js'
import { findLoginServer, isWanted } from './login-server.js'
import { bringUp, CONFIG_FLAG } from './start.js'

export const logout = defineVerb({
  id: 'logout',
  summary: 'Log out of a server: give its token back and delete it.',
  description: 'Has the authorization server take the token back, where it offers that, and deletes it here in any case. A server that runs is disconnected; it needs mcpctl login to be used again.',
  examples: ['logout search', 'logout search --config ./mcp.config.ts'],
  names: { summary: 'The server to log out of.', required: true, usage: 'NAME' },
  flags: { config: CONFIG_FLAG },
  run: async ({ names, flags }, io) => {
    const { name, path, spec } = await findLoginServer(io, names, flags.config)
    const { logOut } = await import('../outbound/index.js')
    const { wasLoggedIn, revoked } = await logOut({ path, spec })
    if (!wasLoggedIn) io.say(`nobody was logged in to ${name}`)
    else io.say(`logged out of ${name}${revoked === true ? '' : revoked === null ? '; its authorization server takes no tokens back, so the deleted one ends by itself' : '; the authorization server did not take the token back, so the deleted one ends by itself'}`)
    if (wasLoggedIn && (await isWanted(io, name))) {
      // Without waiting: that it needs a login is how it is meant to be.
      const open = () => openConfigured({ io, configPath: flags.config, names: [name], all: 'enabled' })
      await bringUp({ io: { ...io, cwd: io.cwd, say: () => undefined }, open, method: 'restart', wait: false, timeoutMs: null })
    }
    return { json: { server: name, wasLoggedIn, revoked } }
  },
})
