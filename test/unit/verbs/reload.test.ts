import { describe, expect, it } from 'vitest'
import type { ReloadChange } from '../../../src/lib/control/index.js'
import type { ServerSnapshot } from '../../../src/lib/core/index.js'
import { judgeReload } from '../../../src/lib/verbs/reload-follow.js'
import { renderChanges } from '../../../src/lib/verbs/reload-view.js'
import { downOf, PLAIN, serverOf } from './snapshot-fixture.js'

describe('what has become of a server that was reloaded', () => {
  const judge = (action: ReloadChange['action'], server: ServerSnapshot | undefined): string => judgeReload(action, server, new Map(server ? [[server.name, server]] : []))

  it.each<[string, ReloadChange['action'], ServerSnapshot | undefined, string]>([
    ['the old one still answers', 'replace', serverOf('a', { changed: true }), 'open'],
    ['the new one failed', 'replace', serverOf('a', { changed: true, trouble: 'exited with code 3' }), 'bad'],
    ['the new one took over', 'replace', serverOf('a', { generation: 2 }), 'good'],
    ['a note about something else', 'replace', serverOf('a', { trouble: 'its memory is not limited' }), 'good'],
    ['the old one goes', 'restart', serverOf('a', { phase: 'stopping', changed: true }), 'open'],
    ['the new one starts', 'restart', serverOf('a', { phase: 'starting' }), 'open'],
    ['the new one failed', 'restart', downOf('a', { phase: 'failed' }), 'bad'],
    ['it starts', 'start', serverOf('a', { phase: 'starting' }), 'open'],
    ['it never came', 'start', undefined, 'bad'],
    ['it still runs', 'stop', serverOf('a'), 'open'],
    ['it is down', 'stop', downOf('a'), 'good'],
    ['it is gone', 'stop', undefined, 'good'],
  ])('%s (%s): %#', (_what, action, server, verdict) => {
    expect(judge(action, server)).toBe(verdict)
  })
})

describe('the changes of a reload', () => {
  it('are one line each, with fields and how', () => {
    const changes: ReloadChange[] = [
      { name: 'git', action: 'start', fields: [] },
      { name: 'files', action: 'replace', fields: ['args', 'env.TOKEN'] },
      { name: 'db', action: 'restart', fields: ['command'] },
      { name: 'same', action: 'none', fields: [] },
      { name: 'live', action: 'update', fields: ['tags'] },
      { name: 'old', action: 'stop', fields: [] },
    ]
    expect(renderChanges(changes, '/p/mcp.config.json', PLAIN).split('\n')).toEqual([
      '+ git    start',
      '~ files  replace  args, env.TOKEN (a new one takes over once it is ready)',
      '~ db     restart  command (stopped first, then started)',
      '= live   update   tags (live, no restart)',
      '- old    stop',
      '1 server unchanged',
    ])
  })

  it('are counted beyond a few fields, and said to be none', () => {
    const fields = Array.from({ length: 11 }, (_, index) => `env.V${index}`)
    expect(renderChanges([{ name: 'a', action: 'replace', fields }], '/p', PLAIN)).toContain('env.V7 and 3 more (a new one')
    expect(renderChanges([{ name: 'a', action: 'none', fields: [] }], '/p/c.json', PLAIN)).toBe('/p/c.json: nothing to do, 1 server unchanged')
  })
})
