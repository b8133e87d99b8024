import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { acquireLock, ensureHome, homeUnusable, resolveHome, type Home } from '../control/index.js'
import { McpctlError } from '../errors/index.js'
import type { SupervisorOptions } from './contract.js'

/** The home of one supervisor, held against others. */
export interface Place {
  readonly home: Home
  /** What the configuration is read with: this process's environment, with this home in it. */
  readonly env: NodeJS.ProcessEnv
  /** Gives the lock back; a temporary home is removed. Idempotent. */
  close(): Promise<void>
}

/** Throws HOME_UNUSABLE when the folder cannot be used, or is another supervisor's. */
export async function openPlace({ home: wanted, env: given = process.env }: SupervisorOptions): Promise<Place> {
  const temporary = wanted === undefined ? mkdtempSync(join(tmpdir(), 'mcpctl-')) : null
  const { MCP_PID_DIR: _pids, MCP_LOG_DIR: _logs, ...rest } = given
  const env: NodeJS.ProcessEnv = { ...rest, MCP_HOME: temporary ?? resolve(wanted ?? '') }
  const home = resolveHome(env)
  const remove = (): void => { if (temporary !== null) rmSync(temporary, { recursive: true, force: true }) }
  try {
    ensureHome(home)
    const lock = await acquireLock(home).catch((error: unknown) => { throw homeUnusable(home.run, error) })
    if (lock === null) throw new McpctlError('HOME_UNUSABLE', `${home.root} is in use: another supervisor or a daemon runs there`, { hint: 'Leave `home` out for a temporary one, or name another folder.', details: { home: home.root } })
    let isClosed = false
    return {
      home, env,
      close: () => {
        if (!isClosed) {
          isClosed = true
          lock.release()
          remove()
        }
        return Promise.resolve()
      },
    }
  } catch (error) {
    remove()
    throw error
  }
}
