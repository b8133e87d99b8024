import { fileURLToPath } from 'node:url'

/** The server that misbehaves on purpose; its header lists the modes. */
export const BAD_SERVER = fileURLToPath(new URL('../fixtures/servers/bad-server.mjs', import.meta.url))

export interface BadServerOptions {
  /** Exit code of its crashes. */
  readonly code?: number
  /** Where it writes the pid of the child it leaves. */
  readonly childPidFile?: string
  readonly env?: Readonly<Record<string, string>>
}

/** A configuration entry that runs it in this mode (several joined by commas). */
export function badServer(mode = 'ok', options: BadServerOptions = {}): { command: string; args: string[]; env: Record<string, string> } {
  const args = [BAD_SERVER, `--mode=${mode}`]
  if (options.code !== undefined) args.push(`--code=${options.code}`)
  if (options.childPidFile !== undefined) args.push(`--child-pid-file=${options.childPidFile}`)
  return { command: process.execPath, args, env: { ...options.env } }
}
