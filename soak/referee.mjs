// Judges every request by itself: one answer, the right one, in time; or one error that says why there is none.
import fs from 'node:fs'
import path from 'node:path'
import { GUEST } from './fleet.mjs'

/** No request may go without an answer for longer. */
export const DEADLINE_MS = 30_000
/** A name that has just been taken away or put back may be seen the old way for a moment. */
const UNSEEN_MS = 10_000
const UNKNOWN_TOOL = -32602

/**
 * `open` gives a ticket for one request; its client settles it with `answer(message)`, `lost(reason)` (the connection
 * said so), `cancel()` or `abandon()` (nobody is left to be answered). What contradicts the rules goes to `violation`.
 */
export function createReferee({ violation, guest }) {
  const open = new Set()
  const counts = { calls: 0, answers: 0, cancelled: 0, abandoned: 0, wrong: 0, overdue: 0, unexplained: 0, progress: 0 }
  const reasons = new Map()
  const waits = []
  /** Nonces of requests that no server was to have seen. */
  const undelivered = new Set()
  /** Nonces of requests that may be carried out more than once. */
  const repeatable = new Set()

  const wrong = (ticket, what) => {
    counts.wrong++
    violation(`wrong: ${what} (${describe(ticket)})`)
  }
  const failed = (reason) => reasons.set(reason, (reasons.get(reason) ?? 0) + 1)

  function settle(ticket) {
    open.delete(ticket)
    ticket.isOpen = false
    waits.push(performance.now() - ticket.openedAt - ticket.task.expectedMs)
  }

  function judgeError(ticket, error) {
    const { reason, outcome } = error.data ?? {}
    if (typeof reason === 'string') {
      if (outcome === 'not-delivered' || outcome === 'not-sent') undelivered.add(ticket.task.nonce)
      return failed(outcome === undefined ? reason : `${reason} (${outcome})`)
    }
    if (error.code === UNKNOWN_TOOL && ticket.task.server === GUEST && guest.wasAway(UNSEEN_MS + performance.now() - ticket.openedAt)) return failed('unknown tool (not configured)')
    counts.unexplained++
    violation(`an error without a reason, ${error.code} ${String(error.message).replace(/\S+__\S+/, 'X')}: ${JSON.stringify(error).slice(0, 300)} (${describe(ticket)})`)
  }

  function judgeAnswer(ticket, message) {
    if (message.error !== undefined) return judgeError(ticket, message.error)
    const verdict = ticket.task.check(message.result)
    if (verdict === null) counts.answers++
    else if (verdict.isOwnError) failed("the server's own error")
    else wrong(ticket, verdict.what)
  }

  const overdue = setInterval(() => {
    for (const ticket of open) {
      if (ticket.isOverdue || performance.now() - ticket.openedAt < DEADLINE_MS + ticket.task.expectedMs) continue
      ticket.isOverdue = true
      counts.overdue++
      violation(`no answer within ${DEADLINE_MS / 1000} s: ${describe(ticket)}`)
      // It stays in the books of its client, so that a late answer is not taken for a second one.
      open.delete(ticket)
      ticket.giveUp()
    }
  }, 500).unref()

  return {
    counts,
    reasons,
    waits,
    get inFlight() {
      return open.size
    },
    open(client, task) {
      let giveUp
      const ticket = {
        client, task, openedAt: performance.now(), isOpen: true, isOverdue: false, progress: 0,
        /** Resolves when nobody waits for it any longer, because its time is over. */
        overdue: new Promise((resolve) => (giveUp = resolve)),
        giveUp,
        answer(message) {
          if (!ticket.isOpen) return wrong(ticket, `a second answer: ${JSON.stringify(message).slice(0, 200)}`)
          settle(ticket)
          judgeAnswer(ticket, message)
        },
        lost(reason) {
          if (!ticket.isOpen) return
          settle(ticket)
          failed(reason)
        },
        progressed({ progress, message }) {
          counts.progress++
          if (!ticket.isOpen) return wrong(ticket, `progress after the end: ${JSON.stringify({ progress, message })}`)
          if (message !== task.nonce || progress <= ticket.progress) wrong(ticket, `progress of another: ${JSON.stringify({ progress, message })} after ${ticket.progress}`)
          ticket.progress = progress
        },
        cancel: () => drop(ticket, 'cancelled'),
        abandon: () => drop(ticket, 'abandoned'),
      }
      open.add(ticket)
      counts.calls++
      if (task.mayRepeat) repeatable.add(task.nonce)
      return ticket
    },
    /** A line that belongs to no request. */
    stray(client, what) {
      counts.wrong++
      violation(`wrong: ${client} got ${what.slice(0, 300)}`)
    },
    close: () => clearInterval(overdue),
    /** Compares what the servers noted with what was said: nothing twice, nothing of what was called not delivered. */
    auditJournal(folder) {
      const seen = new Set()
      let carriedOut = 0
      for (const file of fs.readdirSync(folder)) {
        for (const nonce of fs.readFileSync(path.join(folder, file), 'utf8').split('\n')) {
          if (nonce === '') continue
          carriedOut++
          if (undelivered.has(nonce) && !repeatable.has(nonce)) violation(`said to be not delivered, but carried out: ${nonce} (${file})`)
          if (seen.has(nonce) && !repeatable.has(nonce)) violation(`carried out twice: ${nonce} (${file})`)
          seen.add(nonce)
        }
      }
      return carriedOut
    },
  }

  function drop(ticket, how) {
    if (!ticket.isOpen) return
    open.delete(ticket)
    ticket.isOpen = false
    counts[how]++
  }
}

function describe({ client, task }) {
  return `${client}, ${task.server}/${task.tool} ${task.nonce}`
}
