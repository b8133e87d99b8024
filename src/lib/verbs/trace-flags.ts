import type { FlagTable } from '../cli/index.js'

export const TRACE_FLAGS = {
  method: { type: 'string', value: 'NAME', summary: "Only these methods and the answers to them ('tools/*', or several with commas)." },
  tool: { type: 'string', value: 'NAME', summary: "Only calls of these tools and the answers to them ('read_*')." },
  errors: { type: 'boolean', summary: 'Only what failed: errors, tool results with isError, calls without an answer.' },
  slow: { type: 'string', value: 'MS', summary: 'Only answers that took at least so long (milliseconds, or "2s").' },
  grep: { type: 'string', value: 'PATTERN', summary: 'Only messages whose text matches this regular expression.' },
  last: { type: 'string', short: 'n', value: 'N', summary: 'Begin with the newest N messages the daemon remembers of each server (at most 16).' },
  body: { type: 'boolean', summary: 'Show the whole JSON of each message, up to 1 MB.' },
  probes: { type: 'boolean', summary: 'Show health probes too.' },
  'no-follow': { type: 'boolean', summary: 'Show what the daemon remembers and end.' },
  duration: { type: 'string', value: 'TIME', summary: 'End after this long ("30s", "5m").' },
} as const satisfies FlagTable
