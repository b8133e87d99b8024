import { describe, expect, it } from 'vitest'
import { McpctlError } from '../../../src/lib/errors/index.js'
import { expandNames, isMeantBy, unknownServer } from '../../../src/lib/verbs/names.js'

const KNOWN = ['git', 'github', 'gitlab', 'files', 'a.b', 'axb']

describe('names', () => {
  it('stay as they are, in the order given, each once', () => {
    expect(expandNames(['files', 'git', 'files'], KNOWN)).toEqual(['files', 'git'])
    expect(expandNames([], KNOWN)).toEqual([])
  })

  it.each([
    ['git*', ['git', 'github', 'gitlab']],
    ['git?*', ['github', 'gitlab']],
    ['git???', ['github', 'gitlab']],
    ['*lab', ['gitlab']],
    ['*', KNOWN],
    ['a.*', ['a.b']],
  ])('the pattern %s stands for %j', (pattern, names) => {
    expect(expandNames([pattern], KNOWN)).toEqual(names)
  })

  it('of a group, and of the server whose replicas they are, stand for their members', () => {
    const servers = [{ name: 'main', group: 'search' }, { name: 'backup', group: 'search' }, { name: 'files', group: null }, { name: 'web@1' }, { name: 'web@2' }, { name: 'web@kairos' }]
    expect(expandNames(['search'], servers)).toEqual(['main', 'backup'])
    expect(expandNames(['web', 'backup'], servers)).toEqual(['web@1', 'web@2', 'backup'])
    expect(() => expandNames(['serch'], servers)).toThrow(expect.objectContaining({ hint: 'Did you mean search?' }))
  })

  it('of a pattern and a name that overlap come once', () => {
    expect(expandNames(['github', 'git*'], KNOWN)).toEqual(['github', 'git', 'gitlab'])
  })

  it.each(['git(', '[ab]', 'a+', '^git', 'a|b', 'git\\*'])('%s is no pattern of another kind', (name) => {
    expect(() => expandNames([name], KNOWN)).toThrow(McpctlError)
  })

  it.each(['x*', 'fil', 'GIT', ''])('that match nothing are refused: %j', (name) => {
    expect(() => expandNames(['git', name], KNOWN)).toThrow(expect.objectContaining({ code: 'SERVER_UNKNOWN', exitStatus: 4, message: `there is no server "${name}"` }))
  })
})

describe('an unknown server', () => {
  it('comes with the near names', () => {
    expect(unknownServer('gihtub', KNOWN)).toMatchObject({ hint: 'Did you mean github?', details: { name: 'gihtub', suggestions: ['github'] } })
  })

  it('comes with the known names when none is near, and with no more than twenty', () => {
    expect(unknownServer('zzzzzz', KNOWN).hint).toBe('Known servers: git, github, gitlab, files, a.b, axb.')
    const many = Array.from({ length: 25 }, (_, index) => `server-${index}`)
    expect(unknownServer('zzzzzz', many).hint).toMatch(/server-19, …\.$/)
    expect(unknownServer('zzzzzz', []).hint).toBe('No servers are configured here.')
  })
})

describe('a word that servers are named with', () => {
  it('stands for a server, its replicas, the members of a group, or what fits a pattern, and for nothing else', () => {
    const servers = [{ name: 'main', group: 'search' }, { name: 'backup', group: 'search' }, { name: 'many@1', group: 'many' }, { name: 'many@2', group: 'many' }, { name: 'other', group: null }]
    const meant = (word: string): string[] => servers.filter(isMeantBy(word)).map(({ name }) => name)
    expect([meant('search'), meant('many'), meant('many@2'), meant('ma*'), meant('othe?'), meant('nobody')]).toEqual([['main', 'backup'], ['many@1', 'many@2'], ['many@2'], ['main', 'many@1', 'many@2'], ['other'], []])
  })
})
