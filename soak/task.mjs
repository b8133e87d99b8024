// What clients ask for: each request carries a nonce that its answer has to give back.
import { GUEST, LIMITED, PER_SESSION } from './fleet.mjs'

const OWN_WEIGHTS = { alpha: 4, beta: 4, gamma: 3, [LIMITED]: 2, [PER_SESSION]: 2, [GUEST]: 1, web: 3 }
/** HTTP without a session has no process of its own. */
const SESSIONLESS_WEIGHTS = { ...OWN_WEIGHTS, [PER_SESSION]: 0 }

/** Endless source of honest tasks of one client. */
export function createTasks(random, client, { hasSession, usesMemory }) {
  let made = 0
  return () => {
    const nonce = `${client}.${++made}.${random.integer(0, 0xffffffff).toString(16)}`
    const kind = random.weighted({ echo: 10, look: 5, work: 4, everything: 3, memory: usesMemory ? 1 : 0 })
    if (kind === 'everything') return everythingTask(nonce)
    if (kind === 'memory') return memoryTask(nonce)
    const server = random.weighted(hasSession ? OWN_WEIGHTS : SESSIONLESS_WEIGHTS)
    const isLong = random.chance(0.05)
    const delayMs = isLong ? random.integer(500, 3000) : random.integer(0, 40)
    const pad = random.chance(0.03) ? { pad: 'ü'.repeat(random.integer(1, 100_000)) } : {}
    const steps = kind === 'work' ? { steps: random.integer(1, 5) } : {}
    return ownTask({ server, tool: kind, nonce, args: { delayMs, ...steps, ...pad }, client, expectedMs: delayMs })
  }
}

/** A call of one of our own servers; `args` without nonce and client. */
export function ownTask({ server, tool, nonce, args, client, expectedMs = 0 }) {
  return {
    server, tool, nonce, expectedMs,
    arguments: { ...args, nonce, client },
    mayRepeat: tool === 'look',
    wantsProgress: tool === 'work',
    check: (result) => checkOwn(result, { server, nonce, pad: args.pad, client }),
  }
}

function checkOwn(result, { server, nonce, pad, client }) {
  const text = result?.content?.[0]?.text
  const said = parse(text)
  if (said === null) return { what: `no text of ours: ${JSON.stringify(result).slice(0, 200)}` }
  if (said.nonce !== nonce) return { what: `the answer to ${said.nonce}` }
  if (said.server !== server) return { what: `the answer of ${said.server}` }
  if (pad !== undefined && said.pad !== pad) return { what: `${said.pad?.length} characters of ${pad.length}` }
  if (server === PER_SESSION && said.owner !== client) return { what: `the answer of a process that belongs to ${said.owner}` }
  return null
}

function everythingTask(nonce) {
  return {
    server: 'everything', tool: 'echo', nonce, expectedMs: 0, arguments: { message: nonce }, mayRepeat: true, wantsProgress: false,
    check: (result) => (result?.content?.[0]?.text === `Echo: ${nonce}` ? null : notEchoed(result)),
  }
}

/** One client alone does this: the server's file would not bear two at once. */
function memoryTask(nonce) {
  return {
    server: 'memory', tool: 'create_entities', nonce, expectedMs: 0, mayRepeat: false, wantsProgress: false,
    arguments: { entities: [{ name: nonce, entityType: 'nonce', observations: [] }] },
    check: (result) => (result?.content?.[0]?.text?.includes(`"${nonce}"`) ? null : notEchoed(result)),
  }
}

function notEchoed(result) {
  const what = JSON.stringify(result).slice(0, 200)
  return { what, isOwnError: result?.isError === true }
}

function parse(text) {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
