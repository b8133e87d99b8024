import { join } from 'node:path'
import { createMask } from '../base/index.js'
import type { Home } from '../control/index.js'
import type { CallEnd, CallObserver, ObservedCall, RefusedCall, RefusedRequest } from '../gateway/index.js'
import { openLogFile, type LogFile } from '../logs/index.js'

const LIMITS = { maxBytes: 10 * 1024 ** 2, keep: 5 }
const MAX_CHARS = 256

export interface AuditOptions {
  readonly home: Home
  /** Epoch ms. */
  readonly now: () => number
  /** Whether anything is written; looked at for every call. */
  readonly isOn: () => boolean
  /** Whether there is a server called `audit`; asked once, with the first line. */
  readonly isTaken: () => boolean
}

/** Who called what, and how it ended: one line of JSON each in `audit.log`, never what was said or answered. */
export interface Audit {
  readonly observer: CallObserver
  /** A request that was turned away at the door. */
  refused(request: RefusedRequest): void
  /** Why lines do not reach the disk, or null. */
  trouble(): string | null
  /** Resolves when what was accepted is written. */
  close(): Promise<void>
}

/** Where it is; where a server is called `audit`, whose own log that would be, under a name no server can have. */
export function auditFile(home: Home, isTaken: boolean): string {
  return join(home.logs, isTaken ? 'audit@.log' : 'audit.log')
}

/** Opens no file before the first line. What the disk does not take is dropped, counted, and told of by a line of its own. */
export function createAudit({ home, now, isOn, isTaken }: AuditOptions): Audit {
  let file: LogFile | null = null
  const mask = createMask([])
  const write = (facts: Record<string, unknown>): void => {
    file ??= openLogFile({ path: auditFile(home, isTaken()), limits: LIMITS, now, formatDropped: (bytes) => toLine({ time: timeOf(now()), dropped: true, bytes }) })
    const line = toLine(facts)
    file.append(line.length, () => line)
  }
  const targetOf = (target: string | null): string | null => (target === null ? null : mask(withoutQuery(target).slice(0, MAX_CHARS)))
  return {
    observer: {
      began: () => undefined,
      ended(call: ObservedCall, { outcome, code, durationMs, bytesOut, isCached }: CallEnd) {
        if (!isOn()) return
        write({
          time: timeOf(now()), caller: call.caller, session: call.session, client: clientOf(call.client), server: call.server, method: call.method, target: targetOf(call.target),
          outcome, code, durationMs: Math.round(durationMs), bytesIn: call.bytesIn, bytesOut, ...(isCached === true ? { cached: true } : {}),
        })
      },
      refused({ caller, session, client, method, target }: RefusedCall) {
        if (isOn()) write({ time: timeOf(now()), caller, session, client: clientOf(client), server: null, method, target: targetOf(target), outcome: 'refused', code: 'unknown' })
      },
    },
    refused({ caller, address, method, path, status, reason }) {
      if (isOn()) write({ time: timeOf(now()), caller, address, method: method.slice(0, 16), target: targetOf(path), outcome: 'refused', code: reason, status })
    },
    trouble: () => file?.trouble() ?? null,
    close: () => file?.close() ?? Promise.resolve(),
  }
}

function toLine(facts: Record<string, unknown>): Buffer {
  return Buffer.from(`${JSON.stringify(facts)}\n`)
}

function timeOf(epochMs: number): string {
  return new Date(epochMs).toISOString()
}

function clientOf(client: ObservedCall['client']): string | null {
  return client === null ? null : `${client.name} ${client.version}`.trim().slice(0, MAX_CHARS)
}

/** Addresses carry secrets in their query, and before their host. */
function withoutQuery(target: string): string {
  const at = target.search(/[?#]/)
  return (at < 0 ? target : target.slice(0, at)).replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, '$1')
}
