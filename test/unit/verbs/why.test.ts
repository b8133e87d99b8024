import { describe, expect, it, test } from 'vitest'
import type { EndCause, InstanceEnd, Phase } from '../../../src/lib/core/index.js'
import type { StoredDossier } from '../../../src/lib/logs/index.js'
import { describeCause } from '../../../src/lib/verbs/why-cause.js'
import { nextSteps } from '../../../src/lib/verbs/why-next.js'
import { renderWhy, type WhyView } from '../../../src/lib/verbs/why-render.js'
import { describeMessage, tellStory, type WhyFacts } from '../../../src/lib/verbs/why-story.js'
import { dossierOf } from '../logs/dossier-fixture.js'
import { COLORED, downOf, PLAIN, serverOf } from './snapshot-fixture.js'

const AT = dossierOf().endedAt
const stored = (dossier = dossierOf(), file = '/h/state/crashes/files/1-g3.json'): StoredDossier => ({ file, dossier })
const well = (changes: Parameters<typeof serverOf>[1] = {}) => serverOf('files', { since: AT - 3000, trouble: null, ...changes })

function endOf(cause: EndCause, reason: string, changes: Partial<InstanceEnd> = {}): InstanceEnd {
  return { generation: 3, cause, reason, code: null, signal: null, startedAt: AT - 3000, readyAt: AT - 2000, endedAt: AT, ...changes }
}

function factsOf(changes: Partial<WhyFacts> = {}): WhyFacts {
  return { name: 'files', server: well(), daemonRuns: true, ends: [], dossiers: [], lastErrors: [], now: AT + 5000, ...changes }
}

describe('the cause of an end, in words', () => {
  it.each<[InstanceEnd, string]>([
    [endOf('exit', 'exited with code 7 after 3.0s', { code: 7 }), 'It exited by itself with code 7, 3.0s after its start.'],
    [endOf('exit', 'exited with code 7 after 2.7s; 1 of its processes cannot be killed', { code: 7 }), 'It exited by itself with code 7, 2.7s after its start. 1 of its processes cannot be killed.'],
    [endOf('exit', 'x', { code: 7, readyAt: null }), 'It exited by itself with code 7, 3.0s after its start and before it was ready.'],
    [endOf('exit', 'x', { code: 0 }), 'It ended by itself with code 0, 3.0s after its start, as a program does that has nothing left to do.'],
    [endOf('exit', 'x', { code: 127 }), 'It exited by itself with code 127, 3.0s after its start, which is how a shell says that there is no such command.'],
    [endOf('exit', 'x'), 'It exited by itself, 3.0s after its start.'],
    [endOf('exit', 'x', { signal: 'SIGKILL' }), 'It was ended by SIGKILL, 3.0s after its start. mcpctl did not send that signal: another program or a person did, or the system when its memory ran out.'],
    [endOf('exit', 'x', { signal: 'SIGSEGV' }), 'It was ended by SIGSEGV, 3.0s after its start: a defect in the program, or in native code that it uses.'],
    [endOf('exit', 'x', { signal: 'SIGUSR2' }), 'It was ended by SIGUSR2, 3.0s after its start.'],
    [endOf('exit', 'exited with code 1 after 3.0s; 2 of its processes cannot be killed', { code: 1 }), 'It exited by itself with code 1, 3.0s after its start. 2 of its processes cannot be killed.'],
    [endOf('oom', 'exceeded its memory limit of 200 MiB; killed by SIGKILL after 3.0s', { signal: 'SIGKILL' }), 'It was killed because its process tree used more than its memory limit of 200 MiB.'],
    [endOf('oom', 'was killed because the machine, or a group around it, ran out of memory; its own limit is 200 MiB'), 'It was killed because the machine, or a group around it, ran out of memory; its own limit is 200 MiB.'],
    [endOf('limit-poll', 'exceeded its memory limit of 200 MiB'), 'It was killed because its process tree used more than its memory limit of 200 MiB, as a sample of it showed.'],
    [endOf('heap', 'ran out of memory under its limit of 200 MiB; killed by SIGABRT after 3s'), 'Its own runtime gave up: it ran out of memory under its limit of 200 MiB.'],
    [endOf('pids', 'hit its limit of 64 processes and threads; killed by SIGKILL after 3s'), 'It was killed because its process tree hit its limit of 64 processes and threads.'],
    [endOf('recycled', 'uses 160 MiB, more than its soft memory limit of 150 MiB'), 'It was replaced between two calls, because it used 160 MiB, more than its soft memory limit of 150 MiB.'],
    [endOf('launch-failed', 'command not found: nope'), 'It could not be started: command not found: nope.'],
    [endOf('handshake-failed', 'the server refused initialize', { readyAt: null }), 'It was started, but the handshake failed, 3.0s after its start and before it was ready: the server refused initialize.'],
    [endOf('unauthorised', 'https://far.example refused access (HTTP 401)', { readyAt: null }), 'It does not let us in: https://far.example refused access (HTTP 401).'],
    [endOf('login-needed', 'nobody has logged in; log in: mcpctl login files'), 'It was not let in: nobody has logged in; log in: mcpctl login files.'],
    [endOf('start-timeout', 'not ready within its start timeout of 3 s'), 'It was ended because it was not ready within its start timeout of 3 s.'],
    [endOf('link-closed', 'the server closed its output'), 'It went on running without a connection, so it was ended, 3.0s after its start: the server closed its output.'],
    [endOf('unhealthy', 'no answer to 3 probes in 6 s, processor idle'), 'It stopped answering: no answer to 3 probes in 6 s, processor idle.'],
    [endOf('stop', 'stop requested'), 'It was stopped because somebody asked for that.'],
    [endOf('restart', 'restart requested'), 'It was ended because a restart was asked for.'],
    [endOf('replaced', 'replaced by generation 4'), 'It was replaced by generation 4, because its configuration had changed or a new instance was asked for.'],
    [endOf('probe-exit', 'x'), 'It ended when it was asked which protocol it speaks, and was started again to be asked in another way.'],
  ])('$cause: $reason ($code, $signal)', (end, words) => {
    expect(describeCause(end)).toBe(words)
  })

  test('comes with what the process tree used, where that is known', () => {
    const end = endOf('oom', 'exceeded its memory limit of 200 MiB')
    expect(describeCause(end, { memoryBytes: 190 * 1024 ** 2, processes: 3, cpuPercent: 99.6 })).toMatch(/ When it was last looked at, it used 190 MB of memory and 100% of a core in 3 processes\.$/)
    expect(describeCause(end, { memoryBytes: 2048, processes: 1, cpuPercent: null })).toMatch(/ it used 2\.0 KB of memory in one process\.$/)
  })
})

describe('a message, from its beginning', () => {
  it.each([
    ['{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"read_file","arguments":{"pa', 'tools/call read_file'],
    ['{"method":"tools/call","params":{"_meta":{"clientInfo":{"name":"client"}},"name":"echo"},"jsonrpc":"2.0"}', 'tools/call echo'],
    ['{"method":"tools/call","params":{"_meta":{"clientInfo":{"name":"client"}},"na', 'tools/call'],
    ['{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}', 'initialize'],
    ['{"jsonrpc":"2.0","id":1,"result":{}}', 'an answer to a question of its own'],
    ['{"jsonrpc":"2.0","params":{"', 'not to be made out'],
  ])('%s', (head, words) => {
    expect(describeMessage(head)).toBe(words)
  })
})

describe('the story of a server', () => {
  test('that never had trouble is short', () => {
    expect(tellStory(factsOf())).toEqual({
      now: 'It has been ready for 8.0s, and nothing is wrong. No end of it is remembered.',
      last: null, before: null, restarts: null, doing: null, config: null, lastErrors: [],
      next: [{ what: 'mcpctl logs -f files', why: 'what it writes now' }],
    })
  })

  test('that crashed and waits says what happened, what it was doing, and what comes next', () => {
    const server = downOf('files', { phase: 'backoff', desired: 'up', since: AT, retryAt: AT + 9000, restarts: 2, reason: 'x', trouble: null })
    const story = tellStory(factsOf({ server, dossiers: [stored()], ends: [endOf('exit', 'exited with code 1 after 12s', { code: 1 })] }))
    expect(story.now).toBe('It does not run. It ended 5.0s ago and is started again in 4.0s.')
    expect(story.last).toBe('5.0s ago (generation 3): It exited by itself with code 1, 12s after its start.')
    expect(story.before).toBeNull()
    expect(story.doing).toBe('One call (tools/call) was without an answer for 2.5s. The last message to it was tools/call read_file, 2.5s before its end. It last said something 4.0s before its end.')
    expect(story.restarts).toBe('Restarted 2 times since it was last started by hand. 2 times within the last 1m; with more than 5 within that time it is given up. The next try comes by itself, in 4.0s.')
    expect(story.lastErrors).toEqual(['fatal: out of luck'])
    expect(story.next).toEqual([
      { what: 'mcpctl logs files --since 2026-11-21T03:43:48.000Z', why: 'what it wrote until then' },
      { what: 'mcpctl reconnect files', why: 'to try at once' },
    ])
  })

  test('that runs again says so', () => {
    const story = tellStory(factsOf({ server: well({ generation: 4, restarts: 1 }), dossiers: [stored()], now: AT + 70_000 }))
    expect(story.now).toContain('nothing is wrong.')
    expect(story.restarts).toBe('Restarted once since it was last started by hand. Not once within the last 1m; with more than 5 within that time it is given up. Generation 4 runs now.')
  })

  test('that was stopped after a crash tells both ends', () => {
    const asked = endOf('stop', 'stop requested', { generation: 4, endedAt: AT + 2000 })
    const story = tellStory(factsOf({ server: downOf('files', { trouble: null, since: AT + 2000 }), ends: [asked], dossiers: [stored()] }))
    expect(story.now).toBe('It does not run, and is not wanted to, for 3.0s now: stopped.')
    expect(story.last).toBe('3.0s ago (generation 4): It was stopped because somebody asked for that.')
    expect(story.before).toMatch(/^5\.0s ago \(generation 3\): It exited by itself/)
  })

  test('without a daemon comes from the files', () => {
    const story = tellStory(factsOf({ server: null, daemonRuns: false, dossiers: [stored()] }))
    expect(story.now).toBe('The daemon is not running, and so this server is not either.')
    expect(story.last).toMatch(/It exited by itself with code 1/)
    expect(story.restarts).toMatch(/Without the daemon it is not started again\.$/)
    expect(story.next.at(-1)).toEqual({ what: 'mcpctl start files', why: 'to start it' })
    expect(tellStory(factsOf({ server: null, dossiers: [stored()] })).now).toBe('The daemon does not know it any more: no configuration names it.')
  })

  test('whose process was one of a single session names that', () => {
    expect(tellStory(factsOf({ dossiers: [stored(dossierOf({ server: 'files#2' }))] })).last).toMatch(/^5\.0s ago \(files#2, generation 3\)/)
  })

  test('that did not even begin has its last words from the daemon', () => {
    const dossier = dossierOf({ cause: 'launch-failed', reason: 'command not found: nope', lastErrors: [], lastFrames: [], inFlight: [], lastHeardAt: null })
    const story = tellStory(factsOf({ server: downOf('files', { phase: 'failed', reason: 'command not found: nope', trouble: null }), dossiers: [stored(dossier)], lastErrors: ['sh: nope'] }))
    expect(story.doing).toBeNull()
    expect(story.lastErrors).toEqual(['sh: nope'])
    expect(story.next.map(({ what }) => what)).toContain('check command and args, or url, in /p/mcp.config.json')
  })

  test('with many calls and unread input counts them', () => {
    const inFlight = [{ method: 'tools/call', ms: 9000 }, { method: 'tools/list', ms: 10 }, { method: 'tools/call', ms: 5 }]
    const story = tellStory(factsOf({ dossiers: [stored(dossierOf({ inFlight, queuedInputBytes: 3 * 1024 ** 2, lastFrames: dossierOf().lastFrames.slice(1) }))] }))
    expect(story.doing).toBe('3 calls (tools/call, tools/list) were without an answer, the oldest for 9.0s. The last message to it was tools/call read_file, 2.5s before its end. It never answered anything. 3.0 MB of messages waited for it to read them.')
  })

  it.each<[Phase, RegExp]>([
    ['unready', /^It runs, but has been out of rotation for 8\.0s: no answer\./],
    ['starting', /^It has been starting for 8\.0s \(reading tools\/list\)\. Why it starts: no answer\.$/],
    ['waiting', /^It is to start, but has been waiting for 8\.0s: no answer\.$/],
    ['stopping', /^It has been on its way down for 8\.0s: no answer\.$/],
    ['idle', /^It does not run, and is not wanted to \(its configuration disables it\), for 8\.0s now: no answer\.$/],
    ['exited', /^It does not run\. It ended 8\.0s ago, as it may: no answer\.$/],
    ['failed', /^It does not run and was given up 8\.0s ago: no answer\. It is not started again by itself\.$/],
  ])('that is %s says so', (phase, words) => {
    expect(tellStory(factsOf({ server: well({ phase, reason: 'no answer.', progress: 'reading tools/list', enabled: false }) })).now).toMatch(words)
  })

  test('that is well except for one thing names it', () => {
    expect(tellStory(factsOf({ server: well({ trouble: 'the changed configuration does not work' }) })).now).toBe('It has been ready for 8.0s. But: the changed configuration does not work.')
  })
})

describe('what to do', () => {
  it.each<[EndCause, string | null]>([
    ['oom', 'raise limits.memory in /p/mcp.config.json'],
    ['limit-poll', 'raise limits.memory in /p/mcp.config.json'],
    ['heap', 'raise limits.memory in /p/mcp.config.json'],
    ['pids', 'raise limits.pids in /p/mcp.config.json'],
    ['recycled', 'raise limits.memorySoft in /p/mcp.config.json'],
    ['start-timeout', 'raise startTimeout in /p/mcp.config.json'],
    ['unhealthy', 'raise health.timeout or health.hungAfter in /p/mcp.config.json'],
    ['handshake-failed', 'check command and args, or url, in /p/mcp.config.json'],
    ['unauthorised', 'check headers or auth in /p/mcp.config.json'],
    ['exit', null],
    ['link-closed', null],
  ])('after %s', (cause, what) => {
    const steps = nextSteps({ name: 'files', server: downOf('files', { phase: 'failed', trouble: null }), daemonRuns: true, end: endOf(cause, 'x'), source: '/p/mcp.config.json' }).map((step) => step.what)
    expect(steps).toEqual(['mcpctl logs files --since 2026-11-21T03:43:57.000Z', ...(what === null ? [] : [what]), 'mcpctl start files'])
  })

  test('when somebody has to log in is to do that, which starts it', () => {
    const steps = nextSteps({ name: 'files', server: downOf('files', { phase: 'failed', trouble: null }), daemonRuns: true, end: endOf('login-needed', 'x'), source: null }).map((step) => step.what)
    expect(steps.slice(1)).toEqual(['mcpctl login files'])
  })

  test('when it waits for another one is to ask about that one', () => {
    expect(nextSteps({ name: 'a', server: well({ phase: 'waiting', dependsOn: ['db'] }), daemonRuns: true, end: null, source: null })).toEqual([{ what: 'mcpctl why db', why: 'it depends on that one' }])
  })

  test('when its configuration is not in effect is to restart it', () => {
    expect(nextSteps({ name: 'a', server: well({ changed: true }), daemonRuns: true, end: null, source: null })[0]?.what).toBe('mcpctl restart a')
  })

  test('is quoted where a shell would misunderstand the name', () => {
    expect(nextSteps({ name: 'a#1', server: well(), daemonRuns: true, end: null, source: null })[0]?.what).toBe("mcpctl logs -f 'a#1'")
  })
})

describe('the answer on a terminal', () => {
  const viewOf = (facts: WhyFacts, changes: Partial<WhyView> = {}): WhyView => ({ name: facts.name, phase: facts.server?.phase ?? null, story: tellStory(facts), dossiers: facts.dossiers, damaged: [], all: false, ...changes })
  const crashed = factsOf({ server: downOf('files', { phase: 'failed', since: AT, reason: 'crash loop: 5 restarts within 1m; last: exited with code 1 after 12s', restarts: 5, trouble: null }), dossiers: [stored()] })

  test('is laid out like the detail of status', () => {
    expect(renderWhy(viewOf(crashed), PLAIN)).toBe(`x files
  Now         It does not run and was given up 5.0s ago: crash loop: 5 restarts
              within 1m; last: exited with code 1 after 12s. It is not started
              again by itself.
  Last end    5.0s ago (generation 3): It exited by itself with code 1, 12s
              after its start.
  Doing       One call (tools/call) was without an answer for 2.5s. The last
              message to it was tools/call read_file, 2.5s before its end. It
              last said something 4.0s before its end.
  Restarts    Restarted 5 times since it was last started by hand. 2 times
              within the last 1m; with more than 5 within that time it is given
              up.
  Last words
    fatal: out of luck
  Last messages
    03:43:56.000 from it {"jsonrpc":"2.0","id":4,"result":{}}
    03:43:57.500 to it   {"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"read_file","arguments":{}}}
  Try         mcpctl logs files --since 2026-11-21T03:43:48.000Z
                what it wrote until then
              mcpctl start files  when the cause is mended
  Dossier     /h/state/crashes/files/1-g3.json`)
  })

  test('fits eighty columns, or fewer, but for commands and paths', () => {
    const dossier = dossierOf({ lastErrors: ['e'.repeat(300)] })
    for (const columns of [80, 50]) {
      const lines = renderWhy(viewOf({ ...crashed, dossiers: [stored(dossier)] }, { all: true }), { ...COLORED, color: false, columns }).split('\n')
      expect(lines.filter((line) => line.length > columns && !/mcpctl|crashes/.test(line))).toEqual([])
    }
    expect(renderWhy(viewOf({ ...crashed, dossiers: [stored(dossier)] }), PLAIN)).toContain(`    ${'e'.repeat(300)}\n`)
  })

  test('is plain without colour, and the same words with it', () => {
    const colored = renderWhy(viewOf(crashed), { ...COLORED, unicode: false })
    expect(colored).toContain('\u001B[1mfiles\u001B[22m')
    // eslint-disable-next-line no-control-regex
    expect(colored.replace(/\u001B\[\d+m/g, '')).toBe(renderWhy(viewOf(crashed), { ...PLAIN, columns: 80 }))
  })

  test('is harmless whatever the server said', () => {
    const evil = 'a\u001B[2Jb\r\u0007'
    const dossier = dossierOf({ cause: 'launch-failed', reason: evil, lastErrors: [evil], lastFrames: [{ at: 0, direction: 'in', bytes: 3, head: evil }], inFlight: [{ method: evil, ms: 1 }], source: evil })
    const facts = factsOf({ server: well({ phase: 'unready', reason: evil, trouble: evil }), dossiers: [stored(dossier)] })
    const text = renderWhy(viewOf(facts, { all: true, damaged: [{ file: `/h/${evil}`, why: evil }] }), PLAIN)
    // eslint-disable-next-line no-control-regex
    expect(text).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F]/)
  })

  test('names every remembered end with --all, and files that cannot be read', () => {
    const older = stored(dossierOf({ generation: 2, cause: 'oom', reason: 'exceeded its memory limit of 1 MiB', endedAt: AT - 60_000 }), '/h/state/crashes/files/0-g2.json')
    const facts = { ...crashed, dossiers: [stored(), older] }
    expect(renderWhy(viewOf(facts), PLAIN)).not.toContain('memory limit')
    const text = renderWhy(viewOf(facts, { all: true, damaged: [{ file: '/h/x.json', why: 'it is not valid JSON' }] }), PLAIN)
    expect(text).toContain('  All unexpected ends\n    2026-11-21T03:44:00.000Z  generation 3\n      It exited by itself')
    expect(text.replaceAll(/\s+/g, ' ')).toContain('2026-11-21T03:43:00.000Z generation 2 It was killed because its process tree used more than its memory limit of 1 MiB.')
    expect(text).toContain('/h/state/crashes/files/0-g2.json')
    expect(text.endsWith('  Damaged     /h/x.json: it is not valid JSON')).toBe(true)
  })

  test('of a server whose state nobody knows has no mark', () => {
    expect(renderWhy(viewOf(factsOf({ server: null, daemonRuns: false })), PLAIN)).toMatch(/^files\n {2}Now {9}The daemon is not running/)
  })
})

describe('a configuration that cannot be used', () => {
  const trouble = '/p/mcp.config.json:4:1: limits.memory must be a size\n  4 | x'

  it('is part of the story of a server that runs on with the one before', () => {
    const story = tellStory(factsOf({ configTrouble: trouble }))
    expect(story.config).toBe('The newest version of its configuration is not in effect, and it goes on with the one before: /p/mcp.config.json:4:1: limits.memory must be a size (and 1 more line)')
    expect(story.now).toBe('It has been ready for 8.0s.')
    expect(story.next[0]).toEqual({ what: 'mcpctl config validate', why: 'everything that is wrong in its configuration' })
    expect(tellStory(factsOf({ configTrouble: null }))).toMatchObject({ config: null, now: expect.stringContaining('nothing is wrong') as string })
  })

  it('is the reason why nobody knows a server', () => {
    expect(tellStory(factsOf({ server: null, configTrouble: trouble })).config).toMatch(/^Its configuration cannot be used: /)
  })
})

describe('what to do', () => {
  it('about a server that does not answer is to replace it', () => {
    const server = well({ phase: 'unready', ready: false })
    expect(nextSteps({ name: 'files', server, daemonRuns: true, end: null, source: null }).map(({ what }) => what)).toEqual(['mcpctl logs -f files', 'mcpctl restart files'])
  })

  it('about a kill from outside is to ask the system for it', () => {
    const asked = nextSteps({ name: 'files', server: well(), daemonRuns: true, end: endOf('exit', 'killed by SIGKILL', { signal: 'SIGKILL' }), source: null }).map(({ what }) => what)
    expect(asked.some((what) => what.startsWith('journalctl -k'))).toBe(process.platform === 'linux')
  })

  it('of messages, that a probe was given up is not the last one', () => {
    const frames = [{ at: AT - 4000, direction: 'out' as const, bytes: 60, head: '{"method":"tools/call","params":{"name":"query"}}' }, { at: AT - 40, direction: 'out' as const, bytes: 60, head: '{"jsonrpc":"2.0","method":"notifications/cancelled"}' }]
    expect(tellStory(factsOf({ dossiers: [stored(dossierOf({ lastFrames: frames }))] })).doing).toContain('The last message to it was tools/call query, 4.0s before its end.')
  })
})
