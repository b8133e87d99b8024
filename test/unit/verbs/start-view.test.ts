import { describe, expect, it } from 'vitest'
import { createPaint, type Io } from '../../../src/lib/cli/index.js'
import { createPlainStartView, describeStart, renderStartSummary } from '../../../src/lib/verbs/start-view.js'
import { downOf, PLAIN, serverOf } from './snapshot-fixture.js'

const plain = createPaint(false)
const line = (...server: Parameters<typeof serverOf>): string => describeStart(serverOf(...server), 1_234, { paint: plain, width: 6 })

describe('the line about a server that starts', () => {
  it('has name, phase, seconds and tools', () => {
    expect(line('files')).toBe('files   ready       1.2s  14 tools')
    expect(line('files', { tools: 1 })).toBe('files   ready       1.2s  1 tool')
    expect(line('files', { tools: 0 })).toBe('files   ready       1.2s  0 tools')
  })

  it('has nothing more to say about a ready helper', () => {
    expect(line('tunnel', { transport: 'none', tools: null })).toBe('tunnel  ready       1.2s')
  })

  it('says what a starting server is waiting for, else why it starts again', () => {
    expect(line('files', { phase: 'starting', progress: 'waiting for tools/list' })).toBe('files   starting    1.2s  waiting for tools/list')
    expect(line('files', { phase: 'starting', restarts: 2, reason: 'restarted: exited with code 1' })).toBe('files   starting    1.2s  restarted: exited with code 1')
    expect(line('files', { phase: 'starting', reason: 'start requested' })).toBe('files   starting    1.2s')
  })

  it('gives the reason of every other phase, made harmless', () => {
    expect(line('files', { phase: 'failed', reason: 'said \u001B[31m' })).toBe('files   failed      1.2s  said \\x1b[31m')
  })
})

describe('progress without a terminal', () => {
  const view = (): { said: string[]; onChange: (...server: Parameters<typeof serverOf>) => void } => {
    const said: string[] = []
    const io: Io = { env: {}, cwd: '/', out: () => undefined, say: (text) => said.push(text), outTerminal: PLAIN, sayTerminal: PLAIN, json: false, signal: new AbortController().signal }
    const created = createPlainStartView(io, 1, performance.now())
    return { said, onChange: (...server) => created.onChange(serverOf(...server)) }
  }

  it('is one line for each change of phase', () => {
    const { said, onChange } = view()
    onChange('a', { phase: 'starting' })
    onChange('a', { phase: 'starting', progress: 'waiting for tools/list' })
    onChange('b', { phase: 'starting' })
    onChange('a')
    expect(said.map((text) => text.replace(/ +/g, ' ').replace(/\d+ms/, 'T'))).toEqual(['~ a starting T', '~ b starting T', '+ a ready T 14 tools'])
  })

  it('shows another attempt and leaves out the way down', () => {
    const { said, onChange } = view()
    onChange('a', { phase: 'starting' })
    onChange('a', { phase: 'stopping' })
    onChange('a', { phase: 'starting', generation: 2 })
    expect(said).toHaveLength(2)
  })
})

describe('the summary of a start', () => {
  it('is one line when all went well', () => {
    expect(renderStartSummary([serverOf('a'), serverOf('b')], 415, plain)).toEqual(['2 ready (415ms)'])
  })

  it('says of each failure which, why, its last words and what to do', () => {
    const bad = downOf('bad', { phase: 'failed', reason: 'exited with code 1', lastErrors: ['Error: no such table', 'at \u001B[2Jdb'] })
    expect(renderStartSummary([serverOf('a'), bad], 2_000, plain)).toEqual([
      'bad: failed: exited with code 1',
      '    Error: no such table',
      '    at \\x1b[2Jdb',
      '  hint: mcpctl logs bad, then mcpctl start bad to try again',
      '1 ready, 1 failed (2.0s)',
    ])
  })

  it('has another hint for a server that waits and for one that is tried again', () => {
    const text = renderStartSummary([downOf('next', { phase: 'waiting', dependsOn: ['bad', 'worse'] }), downOf('flaky', { phase: 'backoff' })], 10, plain).join('\n')
    expect(text).toContain('hint: see what it waits for: mcpctl status bad worse')
    expect(text).toContain('hint: it is tried again by itself; mcpctl logs flaky')
    expect(text).toContain('0 ready, 1 waiting, 1 backoff (10ms)')
  })
})
