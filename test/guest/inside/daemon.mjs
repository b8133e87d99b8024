import fs from 'node:fs'
import { connectControl, resolveHome, VERSION } from '/guest/mcpctl/dist/lib/control/index.js'
import { BIN, NODE, SERVERS, background, check, isAlive, must, run, serverGroups, sinceBoot, until } from './lab.mjs'

/** The user the guest has besides root. */
export const USER = { name: 'tester', uid: 1000, gid: 1000, folder: '/home/tester', runtime: '/run/user/1000' }
const ROOT = { name: 'root', uid: 0, gid: 0, folder: '/root', runtime: null }

const open = new Set()
let count = 0

/** Ends whatever the cases left running. */
export async function endAll() {
  for (const daemon of [...open]) await daemon.end().catch((error) => console.log(`## at the end: ${error.message}`))
}

/** One misbehaving server of the tests as a configuration entry; `limits` and the like come on top. */
export function badServer(mode, extra = {}) {
  return { command: NODE, args: [`${SERVERS}/bad-server.mjs`, ...(mode === null ? [] : [`--mode=${mode}`])], start: 'on-demand', idleTimeout: 'never', ...extra }
}

/** The same below a shell that outlives it, and that says 7 when it ends. */
export function wrapped(mode, extra = {}) {
  const { command, args, ...rest } = badServer(mode, extra)
  return { command: '/bin/sh', args: ['-c', '"$@"; exit 7', 'wrapper', command, ...args], ...rest }
}

/** A server with a shell script running beside it in its tree. */
export function beside(script, extra = {}) {
  const { command, args, ...rest } = badServer(null, extra)
  return { command: '/bin/sh', args: ['-c', `${script}\nexec "$@"`, 'beside', command, ...args], ...rest }
}

/** A home with a configuration, and the daemon that runs for it. */
export class Daemon {
  #client = null
  #changes = []
  #unit = null
  #scope = null

  constructor(user, servers) {
    this.user = user
    this.home = `${user.folder}/h${++count}`
    this.config = `${this.home}.json`
    fs.writeFileSync(this.config, JSON.stringify({ servers }))
    if (user.uid !== 0) fs.chownSync(this.config, user.uid, user.gid)
    open.add(this)
  }

  get env() {
    const { folder, name, runtime } = this.user
    return {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: folder, USER: name, LOGNAME: name, LANG: 'C', MCP_HOME: this.home, MCP_CONFIG: this.config,
      ...(runtime === null ? {} : { XDG_RUNTIME_DIR: runtime, DBUS_SESSION_BUS_ADDRESS: `unix:path=${runtime}/bus` }),
    }
  }

  get #who() {
    const { uid, gid, folder } = this.user
    return { env: this.env, cwd: folder, ...(uid === 0 ? {} : { uid, gid }) }
  }

  /** `daemon run` as a service of the system or, for the user, of the user's systemd. */
  static async service(servers, { user = ROOT, properties = [], before = null } = {}) {
    const daemon = new Daemon(user, servers)
    daemon.#unit = `guest-${count}.service`
    const variables = Object.entries(daemon.env).filter(([name]) => /^(MCP_|HOME|PATH|LANG)/.test(name)).map(([name, value]) => `--setenv=${name}=${value}`)
    const command = [NODE, BIN, 'daemon', 'run', '--config', daemon.config]
    const words = before === null ? command : ['/bin/sh', '-c', `${before}\nexec "$@"`, 'before', ...command]
    await must('systemd-run', [daemon.#manager, '--quiet', `--unit=${daemon.#unit}`, ...properties.flatMap((property) => ['-p', property]), ...variables, '--', ...words], daemon.#who)
    await daemon.#connect()
    return daemon
  }

  /** `daemon run` in a scope of the user's systemd. */
  static async scope(servers, { properties = [] } = {}) {
    const daemon = new Daemon(USER, servers)
    const args = ['--user', '--scope', '--quiet', `--unit=guest-${count}.scope`, ...properties.flatMap((property) => ['-p', property]), NODE, BIN, 'daemon', 'run', '--config', daemon.config]
    daemon.#scope = background('systemd-run', args, daemon.#who)
    await daemon.#connect()
    return daemon
  }

  /** A daemon that was started by `mcpctl start` typed into a login shell. */
  static async login(servers, first, { user = USER } = {}) {
    const daemon = new Daemon(user, servers)
    const line = `cd && MCP_HOME=${daemon.home} MCP_CONFIG=${daemon.config} ${NODE} ${BIN} start ${first}`
    await must('runuser', ['-l', user.name, '-c', line])
    await daemon.#connect()
    return daemon
  }

  /** Runs `mcpctl ARGS` as the daemon's user. */
  mcpctl(...args) {
    return run(NODE, [BIN, ...args], this.#who)
  }

  async mustMcpctl(...args) {
    return must(NODE, [BIN, ...args], this.#who)
  }

  /** What `mcpctl status NAME --json` says: the server's row, its details, the daemon. */
  async status(name) {
    const document = JSON.parse(await this.mustMcpctl('status', name, '--json').catch((error) => Promise.reject(error)))
    return { server: document.servers[0], detail: document.details?.[0] ?? null, daemon: document.daemon }
  }

  async snapshot() {
    return this.#client.request('snapshot', { names: null, detail: true })
  }

  async server(name) {
    return (await this.snapshot()).servers.find((server) => server.name === name)
  }

  async ends(name) {
    return (await this.snapshot()).details.find((detail) => detail.name === name).ends
  }

  /** Changes of the named server so far: its snapshot and the time since boot at which it was told. */
  changes(name) {
    return this.#changes.filter(({ server }) => server.name === name)
  }

  /** Resolves with the first change from number `from` on that is as wanted. */
  change(what, name, wanted, { from = 0, limitMs = 60_000 } = {}) {
    return until(`${name} ${what} (${this.changes(name).map(({ server }) => `${server.phase}:${server.generation}`).join(' ')})`, () => this.changes(name).slice(from).find(({ server }) => wanted(server)), limitMs, 20)
  }

  async ready(name) {
    await this.mustMcpctl('start', name)
    const server = await this.server(name)
    check(server.ready, `${name} is ${server.phase}: ${server.reason}`)
    return server
  }

  get pid() {
    return this.hello.pid
  }

  /** The state systemd has of the daemon's service, and its main process. */
  async unit() {
    const text = await must('systemctl', [this.#manager, 'show', '-p', 'ActiveState,SubState,Result,MainPID,OOMPolicy,Delegate,ControlGroup', this.#unit], this.#who)
    return Object.fromEntries(text.trim().split('\n').map((row) => row.split(/=(.*)/s).slice(0, 2)))
  }

  /** Ends the daemon and makes sure that nothing of its servers is left. */
  async end() {
    open.delete(this)
    this.#client?.close()
    const { code, stderr } = await this.mcpctl('stop')
    if (this.#unit !== null) {
      await run('systemctl', [this.#manager, 'stop', this.#unit], this.#who)
      await run('systemctl', [this.#manager, 'reset-failed', this.#unit], this.#who)
    }
    if (this.#scope !== null) this.#scope.kill('SIGKILL')
    const pid = this.hello?.pid
    if (pid !== undefined && isAlive(pid)) await until('the daemon is gone', () => !isAlive(pid), 10_000).catch(() => process.kill(pid, 'SIGKILL'))
    check(code === 0, `mcpctl stop ended with ${code}: ${stderr}`)
    await until(`no group is left: ${serverGroups().join(' ')}`, () => serverGroups().length === 0, 5000)
  }

  get #manager() {
    return this.user.uid === 0 ? '--system' : '--user'
  }

  async #connect() {
    const home = resolveHome(this.env)
    const reach = () => connectControl(home, VERSION).catch(() => null)
    this.#client = await until(`the daemon of ${this.home} answers`, reach, 60_000).catch(async (error) => {
      const { stdout } = await run('journalctl', ['-n', '20', '--no-pager', '-o', 'cat'])
      throw new Error(`${error.message}\n${stdout}`)
    })
    this.hello = await this.#client.hello
    void this.#client.subscribe((event) => {
      if (event.type === 'server') this.#changes.push({ at: sinceBoot(), server: event.server })
    }).catch(() => undefined)
  }
}
