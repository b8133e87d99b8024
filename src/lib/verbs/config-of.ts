import type { ConfigSnapshot, DaemonSnapshot, ServerSnapshot } from '../core/index.js'

/** The configuration a server belongs to, one in trouble first where several share its file; null: a daemon of an older version does not say. */
export function configOf({ configs = [] }: DaemonSnapshot, { source }: ServerSnapshot): ConfigSnapshot | null {
  const found = configs.filter((config) => (config.files ?? [config.source]).includes(source))
  return found.find(({ trouble }) => trouble !== null) ?? found[0] ?? null
}
