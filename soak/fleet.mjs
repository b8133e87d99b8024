// The servers of the soak, and the ways their configuration is edited.
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from '../scripts/install.mjs'

const program = fileURLToPath(new URL('server/main.mjs', import.meta.url))
const packaged = (name) => path.join(root, 'node_modules/@modelcontextprotocol', name, 'dist/index.js')

/** The one that is taken out of the configuration and put back. */
export const GUEST = 'guest'
/** The one with a limit of memory. */
export const LIMITED = 'heavy'
export const LIMIT_BYTES = 192 * 1024 * 1024
/** Each client session gets a process of its own. */
export const PER_SESSION = 'solo'
export const OWN_SERVERS = ['alpha', 'beta', 'gamma', LIMITED, PER_SESSION, GUEST, 'web']
export const REAL_SERVERS = ['everything', 'memory']
export const SERVERS = [...OWN_SERVERS, ...REAL_SERVERS]
/** Those whose arguments are edited: processes of sessions keep what they were started with. */
export const EDITED_SERVERS = ['alpha', 'beta', 'gamma', LIMITED, GUEST, 'web']

/** Calls that go wrong are given up after this long without a sign of life. */
export const IDLE_TIMEOUT_MS = 8000

/** Holds what the configuration says at the moment, and writes it as editors do. */
export function createFleet({ project, journal, memoryFile, gatewayPort, webPort }) {
  const file = path.join(project, 'mcp.config.json')
  const revisions = Object.fromEntries(EDITED_SERVERS.map((name) => [name, 0]))
  const state = { knob: 0, hasGuest: true, isBroken: false, edits: 0 }

  const own = (name, era, more = {}) => {
    const revision = name in revisions ? ['--revision', String(revisions[name])] : []
    return { command: process.execPath, args: [program, name, '--era', era, ...revision], ...more }
  }
  const document = () => {
    const web = own('web', 'legacy')
    return {
      servers: {
        alpha: own('alpha', 'legacy'),
        beta: own('beta', 'modern'),
        gamma: own('gamma', 'dual'),
        [LIMITED]: own(LIMITED, 'legacy', { limits: { memory: LIMIT_BYTES } }),
        [PER_SESSION]: own(PER_SESSION, 'legacy', { isolation: 'per-session' }),
        ...(state.hasGuest ? { [GUEST]: own(GUEST, 'legacy') } : {}),
        web: { ...web, args: [...web.args, '--port', String(webPort)], url: `http://127.0.0.1:${webPort}/mcp` },
        everything: { command: process.execPath, args: [packaged('server-everything'), 'stdio'] },
        memory: { command: process.execPath, args: [packaged('server-memory')], env: { MEMORY_FILE_PATH: memoryFile } },
      },
      defaults: {
        env: { SOAK_JOURNAL: journal },
        tags: [`edit-${state.knob}`],
        restart: { policy: 'always', backoff: { initial: '50ms', max: '500ms' }, intensity: { restarts: 1000, window: '1m' } },
        stopTimeout: '2s',
        drainTimeout: '3s',
        startTimeout: '20s',
        health: { interval: '1s', timeout: '2s', hungAfter: '5s' },
        timeouts: { idle: IDLE_TIMEOUT_MS / 1000, total: 20 + (state.knob % 5) },
        logs: { maxSize: '256K', keep: 2 },
      },
      gateway: { port: gatewayPort, startWait: '15s', listWait: '3s' },
    }
  }
  /** In place or by a rename, in turns: editors do both. */
  const write = () => {
    const whole = `${JSON.stringify(document(), null, 2)}\n`
    const text = state.isBroken ? whole.slice(0, Math.floor(whole.length / 2)) : whole
    if (state.edits++ % 2 === 0) return fs.writeFileSync(file, text)
    fs.writeFileSync(`${file}.draft`, text)
    fs.renameSync(`${file}.draft`, file)
  }
  const change = (edit) => () => {
    edit()
    write()
  }

  return {
    file,
    write,
    turnKnob: change(() => state.knob++),
    revise: (name) => change(() => revisions[name]++)(),
    breakFile: change(() => (state.isBroken = true)),
    mendFile: change(() => (state.isBroken = false)),
    removeGuest: change(() => (state.hasGuest = false)),
    addGuest: change(() => (state.hasGuest = true)),
    /** Since when it has been like this is the caller's to know. */
    get hasGuest() {
      return state.hasGuest
    },
    /** Words that have to stand in the command line of a server's process. */
    wordsOf: (name) => (name in revisions ? ['--revision', String(revisions[name])] : []),
  }
}
