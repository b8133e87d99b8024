import { defineVerb } from '../cli/index.js'
import { nearest } from '../base/index.js'
import { changeKeyFile, resolveHome } from '../control/index.js'
import { McpctlError } from '../errors/index.js'

export const keyRemove = defineVerb({
  id: 'key remove',
  summary: 'Take keys back: whoever has one of them is not let in any more.',
  description: 'It takes effect at once, also in a daemon that runs; streams that are open end within a minute.',
  examples: ['key remove ci', 'key remove ci laptop --json'],
  names: { summary: 'Keys, by the names mcpctl key list shows.', required: true, complete: 'none' },
  flags: {},
  run: async ({ names }, io) => {
    const left = await changeKeyFile(resolveHome(io.env), (keys) => {
      for (const name of names) {
        if (Object.hasOwn(keys, name)) continue
        const known = Object.keys(keys)
        const near = nearest(name, known)
        throw new McpctlError('USAGE', `there is no key "${name.slice(0, 80)}" here`, {
          hint: near.length > 0 ? `Did you mean ${near.join(' or ')}?` : known.length === 0 ? 'Keys of the configuration are taken out there.' : `Keys here: ${known.join(', ')}. Keys of the configuration are taken out there.`,
          details: { name: name.slice(0, 200), known },
        })
      }
      return Object.fromEntries(Object.entries(keys).filter(([name]) => !names.includes(name)))
    })
    io.say(`removed ${[...new Set(names)].join(', ')}`)
    if (Object.keys(left).length === 0) io.say('No key is left. Unless the configuration has a token, keys or issuers, HTTP clients of this machine come in without.')
    return { json: { removed: [...new Set(names)], left: Object.keys(left) } }
  },
})
