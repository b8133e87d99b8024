import type net from 'node:net'
import { readFrontSignal, SUCCESSOR } from '../control/index.js'
import { cancelledLine, failureLine, type FailureOutcome } from './failure.js'
import { connectFront, type FrontAttempt } from './front-connection.js'
import { Glance } from './glance.js'
import type { IdKey } from './id-key.js'
import { isCall, Ledger, MAX_REPEATABLE_BYTES } from './ledger.js'
import type { PumpOptions } from './options.js'
import { connectOrRevive, Lookout, reconnect, type Reached } from './reconnect.js'
import { Tap, type LongVerdict } from './tap.js'
import { WaitingRoom } from './waiting-room.js'

/** More than this waiting on one side: the other is not read from. */
const MAX_WAITING_BYTES = 256 * 1024
const MAX_UNREAD_BYTES = 4 * 1024 * 1024
/** A daemon that was told to make room for another one is followed within this, its servers' stops included. */
const SUCCESSOR_MS = 15_000
/** After the client's last line: so long answers may still come. Clients give a server two seconds to leave. */
const LAST_ANSWERS_MS = 1_500
const LEAVE_MS = 200
const MAX_WAITING_LINE_BYTES = 16 * 1024 * 1024
const LINE_BREAK = Buffer.from('\n')
const CANCELLED = Buffer.from('notifications/cancelled')

/**
 * Pumps lines between a client and the daemon, and keeps the client's session over the loss of the daemon: every
 * request gets one answer, whatever becomes of the other side. Resolves when the client has left. Rejects when there is
 * no daemon at first and none can be started, or when it refuses this client.
 */
export async function runPump(options: PumpOptions): Promise<void> {
  const pump = new Pump(options)
  await Promise.race([pump.open(), pump.ended])
  await pump.ended
}

class Pump {
  readonly ended: Promise<void>
  readonly #options: PumpOptions
  readonly #ledger = new Ledger()
  readonly #lookout = new Lookout()
  readonly #waiting: WaitingRoom
  readonly #upLook = new Glance()
  readonly #downLook = new Glance()
  readonly #up: Tap
  readonly #down: Tap
  #state: 'lost' | 'open' | 'stopped' | 'over' = 'lost'
  #socket: net.Socket | null = null
  #isInputOver = false
  #lastFailure: string | undefined
  #lastAnswers: NodeJS.Timeout | undefined
  #finish: () => void = () => undefined
  #onAsked: () => void = () => undefined

  constructor(options: PumpOptions) {
    this.#options = options
    this.#waiting = new WaitingRoom((key) => this.#fail(key, 'not-sent'))
    this.#up = new Tap({
      line: (bytes, start, end) => this.#onClientLine(bytes, start, end),
      long: (head, bytes) => this.#onLongClientLine(head, bytes),
      longEnd: (tail, isPassed) => this.#onLongClientLineEnd(tail, isPassed),
      write: (bytes) => this.#toDaemon(bytes),
    })
    this.#down = new Tap({
      line: (bytes, start, end) => this.#onDaemonLine(bytes, start, end),
      long: (head, bytes) => this.#onLongDaemonLine(head, bytes),
      longEnd: (tail) => {
        this.#downLook.readTail(tail)
        this.#ledger.onDaemonLine(this.#downLook, null)
      },
      write: (bytes) => this.#toClient(bytes),
    })
    this.ended = new Promise((resolve) => {
      this.#finish = resolve
    })
    options.signal.addEventListener('abort', () => this.#leave(), { once: true })
  }

  async open(): Promise<void> {
    const { input, output, revive } = this.#options
    const connect = () => this.#connect()
    let reached = await connectOrRevive({ connect, revive })
    // It was just being stopped when we came: that was not about us.
    if (reached.type === 'stopping') {
      const connectToNext = async (): Promise<FrontAttempt> => {
        const attempt = await connect()
        return attempt.type === 'stopping' ? { type: 'absent' } : attempt
      }
      reached = await connectOrRevive({ connect: connectToNext, revive })
    }
    if (reached.type === 'stopping') this.#state = 'stopped'
    input.on('data', (chunk: Buffer) => this.#up.push(chunk))
    input.on('end', () => this.#onInputEnd())
    input.on('error', () => this.#onInputEnd())
    output.on('drain', () => {
      this.#socket?.resume()
      input.resume()
    })
    if (reached.type === 'open') this.#attach(reached)
  }

  async #connect(): Promise<FrontAttempt> {
    return connectFront(this.#options.address, { ...this.#options.hello, front: 'stdio', resume: this.#ledger.memory.resume })
  }

  #attach({ socket, rest }: Extract<Reached, { type: 'open' }>): void {
    if (this.#state === 'over') return void socket.destroy()
    this.#state = 'open'
    this.#socket = socket
    this.#lastFailure = undefined
    socket.on('data', (chunk) => {
      this.#down.push(chunk)
      if (this.#isInputOver) this.#leaveWhenQuiet()
    })
    socket.on('drain', () => this.#options.input.resume())
    socket.on('end', () => this.#lose('lost'))
    socket.on('close', () => this.#lose('lost'))
    for (const line of this.#ledger.memory.newsLines) this.#toClient(line)
    const look = new Glance()
    for (const { line } of this.#waiting.takeAll()) {
      look.read(line, 0, line.length - 1)
      this.#ledger.onRequest(look, line, 0, line.length - 1)
      this.#toDaemon(line)
    }
    this.#options.debug('connected to the daemon')
    if (rest.length > 0) this.#down.push(rest)
    socket.resume()
  }

  #toDaemon(bytes: Buffer): void {
    const socket = this.#socket
    if (socket === null) return
    socket.write(bytes)
    if (socket.writableLength > MAX_WAITING_BYTES) this.#options.input.pause()
  }

  #toClient(bytes: Buffer): void {
    const { input, output } = this.#options
    output.write(bytes)
    if (output.writableLength <= MAX_WAITING_BYTES) return
    if (this.#socket !== null) this.#socket.pause()
    // Nothing but errors is written then: whoever does not read them is asked no more.
    else if (output.writableLength > MAX_UNREAD_BYTES) input.pause()
  }

  #onClientLine(bytes: Buffer, start: number, end: number): boolean {
    const look = this.#upLook
    look.read(bytes, start, end)
    if (look.kind === 'request') {
      if (this.#state === 'open') this.#ledger.onRequest(look, bytes, start, end)
      else this.#wait(look, Buffer.concat([bytes.subarray(start, end), LINE_BREAK]))
    } else if (look.kind === 'answer') {
      if (!this.#ledger.onClientAnswer(look.key)) return false
    } else if (look.methodIs(CANCELLED)) {
      const key = this.#ledger.onCancelled(bytes.subarray(start, end))
      if (key !== null) this.#waiting.remove(key)
    }
    return this.#state === 'open'
  }

  #onLongClientLine(head: Buffer, bytes: number): LongVerdict {
    const look = this.#upLook
    look.readHead(head)
    if (look.kind === 'answer' || this.#state === 'over') return this.#state === 'open' ? 'pass' : 'drop'
    if (this.#state === 'open') return isCall(look) || look.method === '' || bytes > MAX_REPEATABLE_BYTES ? 'pass' : 'hold'
    return bytes > MAX_WAITING_LINE_BYTES ? 'drop' : 'hold'
  }

  #onLongClientLineEnd(tail: Buffer, isPassed: boolean): void {
    const look = this.#upLook
    look.readTail(tail)
    if (look.kind === 'answer') this.#ledger.onClientAnswer(look.key)
    if (look.kind !== 'request' || look.key === null) return
    if (isPassed) this.#ledger.onLongRequest(look.key)
    else this.#fail(look.key, 'not-sent')
  }

  #onDaemonLine(bytes: Buffer, start: number, end: number): boolean {
    const look = this.#downLook
    look.read(bytes, start, end)
    if (look.kind === 'signal') {
      this.#onSignal(bytes.toString('utf8', start, end))
      return false
    }
    this.#ledger.onDaemonLine(look, bytes, start, end)
    return true
  }

  #onLongDaemonLine(head: Buffer, bytes: number): LongVerdict {
    this.#downLook.readHead(head)
    return this.#ledger.awaitsInitialize && bytes < MAX_WAITING_LINE_BYTES ? 'hold' : 'pass'
  }

  #onSignal(line: string): void {
    try {
      const signal = readFrontSignal(line)
      if (signal.type !== 'closing') return
      const hasSuccessor = signal.why === SUCCESSOR
      this.#lose(hasSuccessor ? 'lost' : 'stopped', hasSuccessor ? SUCCESSOR_MS : 0)
    } catch (error) {
      this.#options.debug(`not understood: ${String(error)}`)
    }
  }

  /** `patienceMs`: so long another daemon is waited for before one is brought up. */
  #lose(state: 'lost' | 'stopped', patienceMs = 0): void {
    const socket = this.#socket
    if (socket === null || this.#state === 'over') return
    this.#options.debug(state === 'stopped' ? 'the daemon was stopped' : 'the daemon was lost')
    this.#socket = null
    this.#state = state
    socket.removeAllListeners()
    socket.on('error', () => undefined)
    socket.destroy()
    // Half a message cannot be taken back; its end at least leaves the next one whole.
    if (this.#down.abandon()) this.#toClient(LINE_BREAK)
    this.#up.divert()
    const { owed, questions } = this.#ledger.onLost()
    for (const [key, { type, line }] of owed) {
      const isKept = line !== null && (state === 'lost' || type === 'listen') && this.#waiting.add(key, line, type === 'listen')
      if (!isKept) this.#fail(key, 'unknown')
    }
    for (const key of questions) this.#toClient(cancelledLine(key, 'the server that asked is gone'))
    this.#options.input.resume()
    if (this.#isInputOver) this.#leaveWhenQuiet()
    if (state === 'lost') this.#reconnect(patienceMs)
  }

  #reconnect(patienceMs: number): void {
    const over = reconnect({
      patienceMs,
      connect: () => this.#connect(),
      revive: this.#options.revive,
      isOver: () => this.#state === 'over',
      isPressed: () => this.#waiting.isPressed,
      untilAsked: () => new Promise((resolve) => (this.#onAsked = resolve)),
      onFailure: (error) => this.#onFailure(error),
    })
    void over.then((reached) => {
      if (reached?.type === 'open') this.#attach(reached)
      else if (reached !== null) this.#stop()
    })
  }

  #stop(): void {
    if (this.#state === 'over') return
    this.#state = 'stopped'
    for (const key of this.#waiting.takeImpatient()) this.#fail(key, 'not-sent')
  }

  /** Takes in a request while there is no daemon. */
  #wait({ key, method }: Glance, line: Buffer): void {
    if (key === null || this.#state === 'over') return
    if (!this.#waiting.add(key, line, method === 'subscriptions/listen')) return this.#fail(key, 'not-sent')
    if (this.#state === 'lost') return this.#onAsked()
    this.#lookout.look(() => this.#connect(), (attempt) => {
      if (attempt.type === 'open') return this.#attach(attempt)
      if (attempt.type === 'failed') this.#onFailure(attempt.error)
      this.#stop()
    })
  }

  #onFailure(error: unknown): void {
    this.#lastFailure = error instanceof Error ? error.message : String(error)
    this.#options.debug(`no daemon: ${this.#lastFailure}`)
  }

  #fail(key: IdKey, outcome: FailureOutcome): void {
    this.#toClient(failureLine(key, this.#state === 'stopped' ? 'stopped' : 'daemon-lost', outcome, this.#lastFailure))
  }

  #onInputEnd(): void {
    if (this.#isInputOver) return
    this.#up.end()
    this.#isInputOver = true
    this.#lastAnswers = setTimeout(() => this.#leave(), LAST_ANSWERS_MS)
    this.#leaveWhenQuiet()
  }

  #leaveWhenQuiet(): void {
    if (this.#ledger.isQuiet && !this.#waiting.isPressed) this.#leave()
  }

  #leave(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    clearTimeout(this.#lastAnswers)
    this.#waiting.clear()
    this.#onAsked()
    const socket = this.#socket
    this.#socket = null
    if (socket === null || this.#options.signal.aborted) {
      socket?.destroy()
      return this.#finish()
    }
    // What was just said still reaches the daemon.
    const timer = setTimeout(() => finish(), LEAVE_MS)
    const finish = (): void => {
      clearTimeout(timer)
      socket.destroy()
      this.#finish()
    }
    socket.removeAllListeners()
    socket.on('error', finish)
    socket.end(finish)
  }
}
