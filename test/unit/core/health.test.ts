import { describe, expect, test } from 'vitest'
import { createHealthMemory, judgeHealth, type HealthFacts, type HealthMemory, type HealthVerdict, type ProcessVitals } from '../../../src/lib/core/index.js'
import type { HealthSpec } from '../../../src/lib/core/index.js'

const SPEC: HealthSpec = { intervalMs: 2000, timeoutMs: 2000, hungAfterMs: 30_000, probe: { type: 'mcp' } }
const OWN: HealthSpec = { ...SPEC, probe: { type: 'tcp', host: 'localhost', port: 1 } }

/** What is different from a silent stdio server with one idle process, probed two seconds ago. */
interface Look {
  readonly at: number
  readonly facts?: Partial<HealthFacts>
  readonly state?: string
  readonly cpuMs?: number
  readonly verdict: HealthVerdict
  readonly reason?: RegExp
}

const process1 = (state = 'S', cpuMs = 100): ProcessVitals[] => [{ pid: 4711, state, cpuMs }]

function run(looks: readonly Look[], spec = SPEC): void {
  let memory: HealthMemory = createHealthMemory(0)
  for (const { at, facts, state, cpuMs, verdict, reason } of looks) {
    const judgement = judgeHealth(memory, {
      probe: { type: 'unanswered', sentAt: at - 2000 },
      heardAt: 0,
      processes: process1(state, cpuMs),
      throttled: false,
      callsInFlight: 0,
      unreadBytes: 0,
      ...facts,
    }, at, spec)
    expect({ at, verdict: judgement.verdict, reason: judgement.reason }).toMatchObject({ at, verdict, reason: expect.stringMatching(reason ?? /^$/) as string })
    memory = judgement.memory
  }
}

const early = (at: number): Partial<HealthFacts> => ({ probe: { type: 'waiting', sentAt: at } })

describe('a server that neither answers nor moves', () => {
  test('leaves the rotation at the first timeout and is hung at the third', () => {
    run([
      { at: 2250, facts: early(2000), verdict: 'undecided' },
      { at: 4000, verdict: 'not-ready', reason: /^no answer to a probe within 2\.0s$/ },
      { at: 6000, verdict: 'not-ready', reason: /^no answer to 2 probes in 4\.0s$/ },
      { at: 8000, verdict: 'hung', reason: /^no answer to 3 probes in 6\.0s; its processes used no processor time$/ },
    ])
  })

  test('is hung only after a long silence while it owes an answer', () => {
    const facts = { callsInFlight: 1, heardAt: 1000 }
    run([
      { at: 2250, facts: { ...early(2000), ...facts }, verdict: 'undecided' },
      { at: 4000, facts, verdict: 'not-ready', reason: /silent for 3\.0s with a call under way$/ },
      ...[6, 8, 10, 20, 30].map((second): Look => ({ at: second * 1000, facts: { ...facts, callsInFlight: 2 }, verdict: 'not-ready', reason: /with 2 calls under way$/ })),
      { at: 31_500, facts, verdict: 'hung', reason: /^no answer to 7 probes in 30s; silent for 3\ds with a call under way; its processes used no processor time$/ },
    ])
  })

  test('is hung only after a long silence while it waits in the kernel, or when nothing can be seen of it', () => {
    for (const facts of [{ processes: process1('D') }, { processes: [] }]) {
      run([
        ...[4, 6, 8, 10, 28].map((second): Look => ({ at: second * 1000, facts, verdict: 'not-ready', reason: /^no answer to/ })),
        { at: 31_000, facts, verdict: 'hung', reason: /^no answer to 6 probes/ },
      ])
    }
  })

  test('is forgiven by an answer, and by any byte since the probe', () => {
    run([
      { at: 4000, verdict: 'not-ready', reason: /^no answer/ },
      { at: 6000, verdict: 'not-ready', reason: /2 probes/ },
      { at: 6100, facts: { probe: { type: 'answered' } }, verdict: 'fine' },
      { at: 10_000, verdict: 'not-ready', reason: /^no answer to a probe/ },
      { at: 12_000, facts: { heardAt: 10_001 }, verdict: 'fine' },
      { at: 14_000, verdict: 'not-ready', reason: /^no answer to a probe/ },
    ])
  })

  test('is not forgiven by what it said before', () => {
    run([{ at: 4000, facts: { heardAt: 2000 }, verdict: 'not-ready', reason: /^no answer/ }])
  })

  test('has no processes here: the third probe decides', () => {
    const facts = { processes: null }
    run([
      { at: 4000, facts, verdict: 'not-ready', reason: /^no answer to a probe within/ },
      { at: 6000, facts, verdict: 'not-ready', reason: /2 probes/ },
      { at: 8000, facts, verdict: 'hung', reason: /^no answer to 3 probes in 6\.0s$/ },
    ])
  })

  test('refuses the probe: calls under way make no difference', () => {
    const refused = (at: number): Partial<HealthFacts> => ({ probe: { type: 'failed', sentAt: at, reason: 'nothing listens on a:1' }, processes: null, callsInFlight: 3 })
    run([
      { at: 2010, facts: refused(2000), verdict: 'not-ready', reason: /^it could not be probed: nothing listens on a:1$/ },
      { at: 4010, facts: refused(4000), verdict: 'not-ready', reason: /^2 probes failed in 2\.0s: nothing listens/ },
      { at: 6010, facts: refused(6000), verdict: 'hung', reason: /^3 probes failed in 4\.0s: nothing listens/ },
    ])
  })
})

describe('a server that works', () => {
  test('for two minutes is left alone, and its silence counts from its last work', () => {
    const looks: Look[] = [{ at: 2250, facts: early(2000), cpuMs: 100, verdict: 'undecided' }]
    for (let second = 4; second <= 120; second += 2) looks.push({ at: second * 1000, cpuMs: 100 + second * 1000, verdict: 'busy' })
    const end = { cpuMs: 120_100 }
    run([
      ...looks,
      { at: 122_000, ...end, verdict: 'not-ready', reason: /^no answer to a probe within 2\.0s$/ },
      { at: 124_000, ...end, verdict: 'not-ready', reason: /2 probes/ },
      { at: 126_000, ...end, verdict: 'hung', reason: /^no answer to 3 probes in 6\.0s/ },
    ])
  })

  test('in a child, also a new one, works', () => {
    const tree = (...cpuMs: number[]): Partial<HealthFacts> => ({ processes: cpuMs.map((used, index) => ({ pid: 10 + index, state: 'S', cpuMs: used })) })
    run([
      { at: 2250, facts: { ...early(2000), ...tree(50, 10) }, verdict: 'undecided' },
      { at: 4000, facts: tree(50, 60), verdict: 'busy' },
      { at: 6000, facts: tree(50, 60, 40), verdict: 'busy' },
      { at: 8000, facts: tree(50, 60, 40), verdict: 'not-ready', reason: /^no answer/ },
    ])
  })

  test('but gets no turn on the processor works too', () => {
    run([
      { at: 4000, state: 'R', verdict: 'busy' },
      { at: 6000, state: 'R', verdict: 'busy' },
      { at: 8000, state: 'S', verdict: 'not-ready', reason: /^no answer/ },
      // Seen running once, between two rests: that may have been the probe itself.
      { at: 10_000, state: 'R', verdict: 'not-ready', reason: /2 probes/ },
    ])
  })

  test('less than a fiftieth of a core does not', () => {
    run([
      { at: 2250, facts: early(2000), cpuMs: 100, verdict: 'undecided' },
      { at: 4250, cpuMs: 130, verdict: 'not-ready', reason: /^no answer/ },
      { at: 6250, cpuMs: 170, verdict: 'busy' },
    ])
  })
})

describe('a stopped server', () => {
  const stop = { state: 'T', reason: /^stopped by a signal \(SIGSTOP\); continue it with kill -CONT 4711/ }

  test('leaves the rotation at the first look and is hung after three probes, calls under way or not', () => {
    const facts = { callsInFlight: 1 }
    run([
      { at: 2250, facts: { ...early(2000), ...facts }, verdict: 'not-ready', ...stop },
      { at: 4000, facts, verdict: 'not-ready', ...stop },
      { at: 6000, facts, verdict: 'not-ready', ...stop },
      { at: 8000, facts, verdict: 'hung', state: 'T', reason: /no answer to 3 probes in 6\.0s$/ },
    ])
  })

  test('is seen as one although it worked until a moment ago', () => {
    run([
      { at: 4000, cpuMs: 1000, state: 'R', verdict: 'busy' },
      { at: 6000, cpuMs: 2500, verdict: 'not-ready', ...stop },
    ])
  })

  test('is one only when nothing of it runs', () => {
    const processes = [...process1('S'), { pid: 4712, state: 'T', cpuMs: 1 }]
    run([{ at: 2250, facts: { ...early(2000), processes }, verdict: 'undecided' }])
  })

  test('is left alone while its share of the processor is held by stopping it', () => {
    run([{ at: 2250, facts: { ...early(2000), throttled: true }, state: 'T', verdict: 'undecided' }, { at: 4000, facts: { throttled: true }, state: 'T', verdict: 'busy' }])
  })

  test('in a debugger takes no traffic and is not replaced', () => {
    run([2250, 4000, 6000, 8000, 60_000].map((at) => ({ at, state: 't', verdict: 'not-ready', reason: /^stopped by a debugger/ })))
  })
})

describe('a server that leaves its input unread', () => {
  const unread = { unreadBytes: 70_000 }

  test('is hung in the end although it keeps talking', () => {
    run([
      ...[4, 10, 20, 30].map((second): Look => ({ at: second * 1000, facts: { ...unread, heardAt: second * 1000 - 1 }, verdict: 'fine' })),
      { at: 34_000, facts: { ...unread, heardAt: 33_999 }, verdict: 'hung', reason: /^does not read its input: 70000 bytes have been waiting for 30s$/ },
    ])
  })

  test('is not while it answers, reads up, or works', () => {
    const talk = (at: number, more: Partial<HealthFacts> = {}): Look => ({ at, facts: { ...unread, heardAt: at - 1, ...more }, verdict: 'fine' })
    run([talk(4000), { at: 30_000, facts: { probe: { type: 'answered' }, ...unread }, verdict: 'fine' }, talk(40_000), talk(60_000)])
    run([talk(4000), talk(30_000, { unreadBytes: 0 }), talk(40_000), talk(60_000)])
    run([talk(4000), { ...talk(30_000), cpuMs: 5000 }, { ...talk(50_000), cpuMs: 5000 }])
  })
})

describe('a probe of the user\'s own', () => {
  test('is taken at its word: out at once, hung at the third failure, work or not', () => {
    const failed = (at: number, cpuMs: number): Omit<Look, 'verdict'> => ({ at, cpuMs, facts: { probe: { type: 'failed', sentAt: at - 10, reason: 'no connection' }, heardAt: at } })
    run([
      { at: 2000, facts: early(1990), verdict: 'undecided' },
      { ...failed(2000, 0), verdict: 'not-ready', reason: /^its health check failed: no connection$/ },
      { at: 6000, cpuMs: 4000, verdict: 'not-ready', reason: /^its health check failed 2 times in 4\.0s: no result within 2\.0s$/ },
      { ...failed(6010, 8000), verdict: 'hung', reason: /^its health check failed 3 times in 4\.0s: no connection$/ },
    ], OWN)
    run([{ ...failed(2000, 0), verdict: 'not-ready', reason: /./ }, { at: 2100, facts: { probe: { type: 'answered' } }, verdict: 'fine' }, { ...failed(4000, 0), verdict: 'not-ready', reason: /failed: no/ }], OWN)
  })
})
