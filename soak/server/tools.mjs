// What the soak's own servers can do: three honest tools, and the ways to go wrong.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const CHUNK_BYTES = 64 * 1024
const GARBAGE = `${'not a message '.repeat(CHUNK_BYTES / 1024)}\n`

const schema = { type: 'object' }
export const TOOLS = [
  { name: 'echo', description: 'Gives back its nonce after a while', inputSchema: schema },
  { name: 'look', description: 'The same, and changes nothing', inputSchema: schema, annotations: { readOnlyHint: true } },
  { name: 'work', description: 'The same, with progress on the way', inputSchema: schema },
  ...['exit', 'half', 'hang', 'freeze', 'spin', 'flood', 'leak', 'litter'].map((name) => ({ name, inputSchema: schema })),
]

/**
 * `call(tool, args, { notifyProgress, writeHalf })` resolves with the text of the answer, or with null when none is to
 * be given. Every nonce is noted in a file of this process before anything is done for it: what the referee compares
 * with what the gateway said.
 */
export function createTools(name, journalFolder) {
  const journal = fs.openSync(path.join(journalFolder, `${name}.${process.pid}`), 'a')
  const kept = []
  let owner = null

  const tools = {
    async echo(args) {
      await delay(args.delayMs)
      return reply(args)
    },
    look: (args) => tools.echo(args),
    async work(args, { notifyProgress }) {
      for (let step = 1; step <= args.steps; step++) {
        await delay(args.delayMs / args.steps)
        notifyProgress(step, args.steps, args.nonce)
      }
      return reply(args)
    },
    exit({ code }) {
      process.exit(code)
    },
    half({ nonce }, { writeHalf }) {
      writeHalf(reply({ nonce }), () => process.kill(process.pid, 'SIGKILL'))
      return null
    },
    hang: () => null,
    freeze() {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
      return null
    },
    spin({ nonce, ms }) {
      for (const end = performance.now() + ms; performance.now() < end;);
      return reply({ nonce })
    },
    async flood({ nonce, stream, bytes }) {
      for (let written = 0; written < bytes; written += GARBAGE.length) {
        if (!process[stream].write(GARBAGE)) await new Promise((resolve) => process[stream].once('drain', resolve))
      }
      return reply({ nonce })
    },
    /** Until somebody ends it, or at the bytes given: the machine may have no limits. */
    async leak({ nonce, bytes }) {
      for (let leaked = 0; leaked < bytes; leaked += 4 * CHUNK_BYTES) {
        kept.push(Buffer.alloc(4 * CHUNK_BYTES, 1))
        if (kept.length % 16 === 0) await delay(1)
      }
      kept.length = 0
      return reply({ nonce })
    },
    /** A process of its own session that outlives this one unless somebody ends it. */
    litter({ nonce }) {
      spawn('/bin/sleep', ['1000'], { detached: true, stdio: 'ignore' }).unref()
      return reply({ nonce })
    },
  }

  /** `owner`: the first client this process has heard of. A process of one session never hears of a second. */
  function reply({ nonce, pad }) {
    return JSON.stringify({ nonce, server: name, pid: process.pid, owner, ...(pad === undefined ? {} : { pad }) })
  }

  return async function call(tool, args, means) {
    if (!Object.hasOwn(tools, tool)) return undefined
    owner ??= args.client ?? null
    fs.writeSync(journal, `${args.nonce}\n`)
    return tools[tool](args, means)
  }
}
