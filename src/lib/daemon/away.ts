import type { Supervisor } from './supervisor.js'

/**
 * Takes servers down for as long as whoever asked is there: when the connection ends, by whatever means, those that were
 * wanted up are wanted up again. `stop` resolves when they are down; what it rejects with is passed on.
 */
export async function keepAway(supervisor: Supervisor, names: readonly string[], { stop, onGone }: { readonly stop: () => Promise<unknown>; readonly onGone: (listener: () => void) => void }): Promise<Record<string, never>> {
  const desiredOf = (name: string): string | undefined => supervisor.fleet.servers.get(name)?.state.desired
  const wanted = names.filter((name) => desiredOf(name) === 'up')
  const gone = new Promise<void>((resolve) => { onGone(resolve) })
  try {
    await stop()
    await gone
  } finally {
    const back = wanted.filter((name) => desiredOf(name) === 'down')
    if (back.length > 0 && !supervisor.fleet.closing) supervisor.send({ type: 'start', names: back })
  }
  return {}
}
