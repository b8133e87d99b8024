import type { Verb } from '../cli/index.js'

/** Every command by its words; a verb is only loaded when it is called. */
export const VERBS: Readonly<Record<string, () => Promise<Verb>>> = {
  start: async () => (await import('./start.js')).start,
  stop: async () => (await import('./stop.js')).stop,
  restart: async () => (await import('./restart.js')).restart,
  reload: async () => (await import('./reload.js')).reload,
  status: async () => (await import('./status.js')).status,
  why: async () => (await import('./why.js')).why,
  logs: async () => (await import('./logs.js')).logs,
  wait: async () => (await import('./wait.js')).wait,
  events: async () => (await import('./events.js')).events,
  proxy: async () => (await import('./proxy.js')).proxy,
  tools: async () => (await import('./tools.js')).tools,
  call: async () => (await import('./call.js')).call,
  verify: async () => (await import('./verify.js')).verify,
  doctor: async () => (await import('./doctor.js')).doctor,
  'config show': async () => (await import('./config-show.js')).configShow,
  'config validate': async () => (await import('./config-validate.js')).configValidate,
  'daemon restart': async () => (await import('./daemon-restart.js')).daemonRestart,
  'daemon run': async () => (await import('./daemon-run.js')).daemonRun,
  'daemon status': async () => (await import('./daemon-status.js')).daemonStatus,
  'daemon stop': async () => (await import('./daemon-stop.js')).daemonStop,
}
