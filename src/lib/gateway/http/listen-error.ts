import { McpctlError } from '../../errors/index.js'

/** What to tell when the address of the HTTP front cannot be listened on. */
export function cannotListen(error: unknown, host: string, port: number): McpctlError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const place = `${host.includes(':') ? `[${host}]` : host}:${String(port)}`
  const [why, hint] = explain(code, host, port)
  const detail = why ?? (error instanceof Error ? error.message : String(error))
  return new McpctlError('CONFIG_INVALID', `the HTTP front cannot listen on ${place}: ${detail}`, { hint, details: { host, port, reason: code }, cause: error })
}

function explain(code: string, host: string, port: number): readonly [string | null, string] {
  switch (code) {
    case 'EADDRINUSE': return ['another program listens there', `See who it is with ${holderCommand(port)} and stop it, or set another gateway.port.`]
    case 'EACCES': return ['it needs rights this user does not have', 'Set gateway.port to a number above 1023.']
    case 'EADDRNOTAVAIL': return [`"${host}" is no address of this machine`, 'Set gateway.host to 127.0.0.1 or to an address of this machine.']
    case 'ENOTFOUND': case 'EAI_AGAIN': return [`the name "${host}" is not known`, 'Set gateway.host to 127.0.0.1 or to an address of this machine.']
    default: return [null, 'Check gateway.host and gateway.port.']
  }
}

function holderCommand(port: number): string {
  if (process.platform === 'linux') return `\`ss -ltnp 'sport = :${String(port)}'\``
  return process.platform === 'win32' ? `\`netstat -ano | findstr :${String(port)}\`` : `\`lsof -nP -iTCP:${String(port)} -sTCP:LISTEN\``
}
