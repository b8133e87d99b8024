// Those who call without pause: each has a client of its own, a new one when it is killed, and several calls under way.
import { setTimeout as delay } from 'node:timers/promises'
import { openHttpClient } from './http-client.mjs'
import { openLineClient } from './line-client.mjs'
import { createTasks } from './task.mjs'

const AT_ONCE = 4
const THINK_MS = [10, 150]
const CANCELLED_SHARE = 0.01

/** Four through `mcpctl proxy`, two over HTTP, half of each of the newer protocol. */
const CALLERS = [
  { name: 'proxy-legacy-1', door: 'line', isModern: false, usesMemory: true },
  { name: 'proxy-legacy-2', door: 'line', isModern: false },
  { name: 'proxy-modern-1', door: 'line', isModern: true },
  { name: 'proxy-modern-2', door: 'line', isModern: true },
  { name: 'http-legacy', door: 'http', isModern: false },
  { name: 'http-modern', door: 'http', isModern: true },
]

/** Opens all clients; `begin` starts the calling, `end` stops it and closes them. */
export async function openCallers({ scratch, referee, violation, random, gate, port }) {
  let isOver = false
  const callers = await Promise.all(CALLERS.map((each) => openCaller({ ...each, usesMemory: each.usesMemory === true })))
  let loops = []

  async function openCaller(each) {
    const caller = { ...each, session: 0, random: random.fork(each.name) }
    await renew(caller)
    return caller
  }

  /** A client's name tells its session too: a process of one session must not hear of another. */
  async function renew(caller) {
    const name = `${caller.name}/${++caller.session}`
    const hasSession = caller.door === 'line' || !caller.isModern
    caller.nextTask = createTasks(caller.random.fork(name), name, { hasSession, usesMemory: caller.usesMemory })
    const options = { scratch, referee, violation, port, isModern: caller.isModern }
    caller.client = await (caller.door === 'line' ? openLineClient(name, options) : openHttpClient(name, options))
    caller.clientName = name
  }

  async function loop(caller) {
    while (!isOver) {
      await gate.pass()
      if (isOver) return
      if (caller.client.isOpen) {
        const isCancelled = caller.door === 'line' && caller.random.chance(CANCELLED_SHARE)
        await caller.client.call(caller.nextTask(), isCancelled ? caller.random.integer(5, 200) : undefined)
      }
      // Not worth staying alive for, should the soak break off.
      await delay(caller.random.between(...THINK_MS), undefined, { ref: false })
    }
  }

  const lines = callers.filter(({ door }) => door === 'line')
  return {
    begin() {
      loops = callers.flatMap((caller) => Array.from({ length: AT_ONCE }, () => loop(caller)))
    },
    /** One of those behind a proxy, for what chaos has to ask for. */
    pickLine: (source) => source.pick(lines),
    /** Kills a client behind a proxy and puts a new one in its place. */
    async replaceClient(index) {
      const caller = lines[index]
      await caller.client.kill()
      await renew(caller)
      return caller.clientName
    },
    rest() {
      for (const { client, door } of callers) if (door === 'http') client.rest()
    },
    async end() {
      isOver = true
      gate.open()
      await Promise.all(loops)
      await Promise.all(callers.map(({ client }) => client.close()))
    },
    sessions: () => callers.filter(({ door, isModern }) => door === 'line' || !isModern).length,
  }
}
