import { readBearer } from './bearer.js'
import { runTokenCommand, type TokenCommand } from './run-command.js'
import type { TokenOrigin } from './token-keeper.js'

export interface CommandOriginOptions extends TokenCommand {
  /** How long what it printed is used before it is run again. */
  readonly ttlMs: number
  readonly now: () => number
}

/** A token that a command prints. What it printed last stays in use while it fails, as long as the server takes it. */
export function createCommandOrigin({ ttlMs, now, ...command }: CommandOriginOptions): TokenOrigin {
  const abort = new AbortController()
  return {
    hint: `The token that ${command.command} printed was not accepted; run it in a terminal and see what it prints.`,
    asksFirst: false,
    begin: () => undefined,
    look: () => null,
    async renew() {
      const value = readBearer(await runTokenCommand(command, abort.signal), `the command ${command.command}`)
      const obtainedAt = now()
      return { value, obtainedAt, renewAt: obtainedAt + ttlMs, expiresAt: Number.POSITIVE_INFINITY }
    },
    close: () => { abort.abort() },
  }
}
