// mcpctl as a contestant of the supervisor harness. bench/run.mjs puts this file beside the harness's own
// adapters: the imports below are meant from there. MCPCTL_BIN is the entry file of the built CLI.
import fs from 'node:fs'
import { alive } from '../lib/proc.mjs'
import { Adapter, run } from './base.mjs'

export default class Mcpctl extends Adapter {
  static label = 'mcpctl'
  static can = { memory: true, warmApply: true, empty: true }

  constructor(dir, opt = {}) {
    super(dir, opt)
    this.bin = process.env.MCPCTL_BIN
    const outer = Object.entries(process.env).filter(([name]) => !name.startsWith('MCP_'))
    this.env = { ...Object.fromEntries(outer), ...(opt.env ?? {}), MCP_HOME: this.p('home') }
  }

  get configFile() {
    return this.p('mcp.config.json')
  }

  cli(...args) {
    return run(process.execPath, [this.bin, ...args], { env: this.env, cwd: this.dir, limitMs: 180_000 })
  }

  async writeConfig(servers) {
    const entries = servers.map((server) => [server.name, describe(server)])
    this.writeWhole(JSON.stringify({ servers: Object.fromEntries(entries) }, null, 1))
  }

  /** By rename: a daemon that watches the file never sees half of it. */
  writeWhole(text) {
    fs.writeFileSync(`${this.configFile}.new`, text)
    fs.renameSync(`${this.configFile}.new`, this.configFile)
  }

  start() {
    return this.cli('start', '--no-wait', '--config', this.configFile)
  }

  apply() {
    return this.start()
  }

  startAll() {
    return this.start()
  }

  startOne(name) {
    return this.cli('start', name, '--no-wait', '--config', this.configFile)
  }

  stopAll() {
    return this.cli('stop', '--keep-daemon')
  }

  stopOne(name) {
    return this.cli('stop', name)
  }

  shutdown() {
    return this.cli('stop')
  }

  statusCommands() {
    const options = { env: this.env, cwd: this.dir }
    return {
      'mcpctl status': [process.execPath, [this.bin, 'status'], options],
      'mcpctl status --json': [process.execPath, [this.bin, 'status', '--json'], options],
    }
  }

  async status() {
    const { servers } = JSON.parse((await this.cli('status', '--json')).out)
    return servers.map(({ name, pid, phase, restarts }) => ({ name, pid: pid ?? 0, state: phase, restarts }))
  }

  /** The daemon first, then its watchdog. */
  daemonPids() {
    try {
      const { pid, watchdogPid } = JSON.parse(fs.readFileSync(this.p('home', 'run', 'daemon.json'), 'utf8'))
      return [pid, watchdogPid].filter((candidate) => Number.isInteger(candidate) && alive(candidate))
    } catch {
      return []
    }
  }

  dashCommand() {
    return [[process.execPath, this.bin, 'dash'], this.env]
  }

  breakConfig(kind) {
    const config = JSON.parse(fs.readFileSync(this.configFile, 'utf8'))
    const text = JSON.stringify(config)
    if (kind === 'syntax') this.writeWhole(text.replace('"args":', '"args"'))
    else if (kind === 'duplicate') this.writeWhole(text.replace('"s2":', '"s1":'))
    else if (kind === 'unknownkey') this.writeWhole(withField(config, { memroy: '64M' }))
    else if (kind === 'badtype') this.writeWhole(withField(config, { args: 7 }))
    else return false
    return true
  }
}

function withField(config, fields) {
  return JSON.stringify({ ...config, servers: { ...config.servers, s1: { ...config.servers.s1, ...fields } } })
}

/** Only what runs on Node is an MCP server here; the harness's own little workloads speak nothing. */
function describe({ cmd, args, env = {}, memoryMB, autorestart }) {
  return {
    command: cmd,
    args,
    env,
    ...transportOf(cmd, args, env),
    ...(memoryMB ? { limits: { memory: `${memoryMB}M` } } : {}),
    ...(autorestart === false ? { restart: 'never' } : {}),
  }
}

function transportOf(cmd, args, env) {
  if (cmd !== process.execPath) return { transport: 'none' }
  return args.includes('streamableHttp') ? { url: `http://127.0.0.1:${env.PORT}/mcp` } : {}
}
