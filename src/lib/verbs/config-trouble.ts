import type { Io } from '../cli/index.js'
import { asMcpctlError } from '../errors/index.js'

const CODE = /\.[cm]?[jt]s$/

/** What keeps the configuration here from being used. */
export interface ConfigTrouble {
  readonly source: string
  readonly message: string
  readonly hint: string
}

/**
 * Looks at the configuration that a start would use, when no daemon can be asked; null when all is well, there is none, or it is
 * code: that is not run for a question.
 */
export async function findConfigTrouble(io: Io): Promise<ConfigTrouble | null> {
  const { findConfig } = await import('../config/find.js')
  const source = findConfig({ cwd: io.cwd, env: io.env })
  if (source === null || CODE.test(source)) return null
  try {
    const { loadConfig } = await import('../config/index.js')
    await loadConfig({ cwd: io.cwd, env: io.env })
    return null
  } catch (error) {
    const { message, hint } = asMcpctlError(error)
    return { source, message, hint: hint ?? 'mcpctl config validate' }
  }
}
