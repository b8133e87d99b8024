import { connectControl, VERSION, type ControlEvent } from '../../src/lib/control/index.js'
import type { TestHome } from '../helpers/home.js'

type BreakerEvent = Extract<ControlEvent, { type: 'breaker' }>

/** What is told of a server's breaker from now on. */
export async function followEvents(home: TestHome, server: string): Promise<{ readonly changes: readonly BreakerEvent[]; close(): Promise<void> }> {
  const client = await connectControl(home.paths, VERSION)
  if (client === null) throw new Error('the daemon does not run')
  const changes: BreakerEvent[] = []
  const ended = new Promise<void>((begun, failed) => {
    client.subscribe((event) => {
      if (event.type === 'breaker' && event.name === server) changes.push(event)
      if (event.type === 'snapshot') begun()
    }).catch(failed)
  })
  await ended
  return {
    changes,
    async close() {
      // What was said until now is through when this is answered.
      await client.request('snapshot', { names: null, detail: false })
      client.close()
    },
  }
}
