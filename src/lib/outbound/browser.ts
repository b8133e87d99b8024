import { spawn } from 'node:child_process'

/** Opens an address with what the system opens addresses with. False: nothing to open it with was found. Never through a shell. */
export function openBrowser(address: URL, env: NodeJS.ProcessEnv): Promise<boolean> {
  if (address.protocol !== 'https:' && address.protocol !== 'http:') return Promise.resolve(false)
  const [command, ...args] = openerOf(env)
  if (command === undefined) return Promise.resolve(false)
  return new Promise((resolve) => {
    const child = spawn(command, [...args, address.href], { stdio: 'ignore', detached: true, shell: false })
    child.once('error', () => resolve(false))
    child.once('spawn', () => {
      child.unref()
      resolve(true)
    })
  })
}

function openerOf(env: NodeJS.ProcessEnv): string[] {
  // As other programs do: a word alone, so nothing of it is interpreted.
  const own = env['BROWSER']
  if (own !== undefined && own !== '' && !own.includes(' ')) return [own]
  if (process.platform === 'darwin') return ['open']
  if (process.platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler']
  return env['DISPLAY'] === undefined && env['WAYLAND_DISPLAY'] === undefined ? [] : ['xdg-open']
}
