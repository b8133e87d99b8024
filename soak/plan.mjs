// What goes wrong, in which order and after which pauses: a pure function of the seed.
import { EDITED_SERVERS, GUEST, LIMITED, OWN_SERVERS, SERVERS } from './fleet.mjs'

/** How often each step is in the deck that is shuffled and dealt again and again: a short run meets nearly all kinds too. */
const DECK = {
  'kill-server': 5, 'stop-process': 1, 'pause-process': 2,
  'turn-knob': 1, revise: 2, 'break-file': 1, 'move-guest': 1, reload: 1, 'restart-server': 2,
  exit: 2, half: 2, hang: 1, freeze: 1, spin: 1, flood: 2, leak: 1, litter: 1, 'replace-client': 1,
}
const DAEMON_DECK = ['kill-daemon', 'restart-daemon']
/** In those parts of the run that allow it, every so manieth step concerns the daemon. */
const DAEMON_EVERY = 5
const MB = 1024 * 1024
const LINE_CLIENTS = 4

/**
 * Endless; each step is `{ gapMs, kind, ... }` with all it needs. `next(mayEndDaemon)`: one that ends the daemon comes
 * only where the figures of a long-lived daemon are not being taken.
 */
export function createPlan(random, { gapMs, without }) {
  const whole = Object.entries(DECK).flatMap(([kind, times]) => Array.from({ length: without.has(kind) ? 0 : times }, () => kind))
  const daemons = DAEMON_DECK.filter((kind) => !without.has(kind))
  const dealt = { ordinary: [], daemon: [] }
  const deal = (pile, cards) => {
    if (dealt[pile].length === 0) dealt[pile] = random.shuffle(cards)
    return dealt[pile].pop()
  }
  let steps = 0
  return {
    next(mayEndDaemon) {
      const isDaemons = daemons.length > 0 && mayEndDaemon && ++steps % DAEMON_EVERY === 2
      const kind = isDaemons ? deal('daemon', daemons) : deal('ordinary', whole)
      return { gapMs: random.between(...gapMs), kind, ...detailsOf(kind, random) }
    },
  }
}

function detailsOf(kind, random) {
  const own = () => random.pick(OWN_SERVERS)
  switch (kind) {
    case 'kill-server':
    case 'stop-process':
      return { server: random.pick(SERVERS), which: random.integer(0, 9) }
    case 'pause-process':
      return { server: random.pick(SERVERS), which: random.integer(0, 9), ms: random.integer(100, 1500) }
    case 'revise': return { server: random.pick(EDITED_SERVERS) }
    case 'break-file': return { ms: random.integer(200, 2000) }
    case 'move-guest': return { server: GUEST, ms: random.integer(300, 4000) }
    case 'restart-server': return { server: random.pick(SERVERS) }
    case 'exit': return { server: own(), args: { code: random.pick([0, 1, 3]) } }
    case 'half':
    case 'hang':
    case 'freeze':
    case 'litter':
      return { server: own(), args: {} }
    case 'spin': return { server: own(), args: { ms: random.integer(500, 3000) } }
    case 'flood': return { server: own(), args: { stream: random.pick(['stdout', 'stderr']), bytes: random.integer(1, 24) * MB } }
    case 'leak': return { server: LIMITED, args: { bytes: 600 * MB } }
    case 'replace-client': return { which: random.integer(0, LINE_CLIENTS - 1) }
    default: return {}
  }
}
