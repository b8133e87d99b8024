import { describe, expect, it } from 'vitest'
import { completionScript, SHELLS } from '../../../src/lib/verbs/completion-script.js'
import { findCommand, nextCommandWords, planArguments, renderWords } from '../../../src/lib/verbs/completion-plan.js'
import { VERBS } from '../../../src/lib/verbs/registry.js'

const IDS = Object.keys(VERBS)
const verbs = new Map(await Promise.all(Object.entries(VERBS).map(async ([id, load]) => [id, await load()] as const)))

/** What fits behind a command line whose last word is being typed. */
function plan(line: string) {
  const typed = line.split(' ')
  const found = findCommand(typed, IDS)
  const verb = found === null ? undefined : verbs.get(found.id)
  if (found === null || verb === undefined) throw new Error(`no command in ${line}`)
  return planArguments(verb, typed.slice(found.length))
}

const texts = (line: string): string[] => {
  const found = plan(line)
  return found.type === 'words' ? renderWords(found.words, found.begins).map((word) => word.split('\t')[0] ?? '') : []
}

describe('the command of a line', () => {
  it('is the longest one whose words stand there, the word being typed left out', () => {
    expect(findCommand(['status', ''], IDS)).toEqual({ id: 'status', length: 1 })
    expect(findCommand(['daemon', 'status', '--js'], IDS)).toEqual({ id: 'daemon status', length: 2 })
    expect(findCommand(['daemon', 'sta'], IDS)).toBeNull()
    expect(findCommand(['status'], IDS)).toBeNull()
    expect(findCommand([''], IDS)).toBeNull()
    expect(findCommand(['constructor', ''], IDS)).toBeNull()
  })

  it('is found word by word, with what each is for', () => {
    const ids = new Map<string, string | null>([['start', 'Start.'], ['daemon run', 'Run.'], ['daemon stop', 'Stop.'], ['export', 'Export.'], ['export monitoring', 'More.']])
    expect(nextCommandWords(ids, [])).toEqual([{ text: 'start', about: 'Start.' }, { text: 'daemon', about: 'commands about the daemon' }, { text: 'export', about: 'Export.' }])
    expect(nextCommandWords(ids, ['daemon'])).toEqual([{ text: 'run', about: 'Run.' }, { text: 'stop', about: 'Stop.' }])
    expect(nextCommandWords(ids, ['start'])).toEqual([])
    expect(nextCommandWords(ids, ['nothing'])).toEqual([])
  })
})

describe('behind a command', () => {
  it.each([...verbs])('%s every flag is offered, and none twice', (id, verb) => {
    const flags = Object.keys(verb.flags).map((name) => `--${name}`)
    expect(texts(`${id} --`).sort()).toEqual([...flags, '--json', '--help'].sort())
    expect(texts(`${id} --json --`)).not.toContain('--json')
  })

  it('come names of servers, or what the command takes instead', () => {
    expect(plan('status ')).toMatchObject({ type: 'names', kind: 'servers', before: [], begins: '' })
    expect(plan('logs -f --tail 5 files da')).toMatchObject({ type: 'names', kind: 'servers', before: ['files'], begins: 'da' })
    expect(plan('call files read')).toMatchObject({ type: 'names', kind: 'call', before: ['files'], begins: 'read' })
    expect(plan('completion ')).toMatchObject({ type: 'names', kind: 'shells' })
    expect(plan('install ')).toMatchObject({ type: 'names', kind: 'clients' })
    expect(plan('daemon stop ')).toEqual({ type: 'words', words: [], begins: '' })
  })

  it('come the values of a flag', () => {
    expect(texts('proxy --prefix ')).toEqual(['always', 'on-collision', 'none'])
    expect(texts('proxy --prefix=on')).toEqual(['--prefix=on-collision'])
    expect(plan('start --config ')).toEqual({ type: 'files' })
    expect(plan('start -c m')).toEqual({ type: 'files' })
    expect(plan('start --config=m')).toEqual({ type: 'files' })
    expect(plan('proxy --servers files,g')).toMatchObject({ type: 'names', kind: 'servers', before: ['files'], begins: 'g', joined: 'files,' })
    expect(plan('proxy --servers=a')).toMatchObject({ type: 'names', begins: 'a', joined: '--servers=' })
    expect(texts('logs --since ')).toEqual([])
    expect(plan('logs --since 5m f')).toMatchObject({ type: 'names', begins: 'f', before: [] })
    expect(plan('logs -n5 f')).toMatchObject({ type: 'names', begins: 'f' })
    expect(texts('status --json=')).toEqual([])
  })

  it('a word is no flag behind two dashes', () => {
    expect(plan('why -- --x')).toMatchObject({ type: 'names', begins: '--x', before: [] })
  })
})

describe('the words', () => {
  it('are those that go on from what is typed, each on a line of its own', () => {
    const words = [{ text: 'read', about: 'Reads\na\tfile' }, { text: 'write', about: null }, { text: 'rea\nlly', about: null }, { text: ':sign', about: null }, { text: 'ready', about: '' }]
    expect(renderWords(words, 're')).toEqual(['read\tReads a file', 'ready'])
    expect(renderWords(words, '')).toEqual(['read\tReads a file', 'write', 'ready'])
  })
})

describe('the scripts', () => {
  it.each(SHELLS)('of %s asks for words and has no trace of how it was written down', (shell) => {
    const script = completionScript(shell)
    expect(script).toMatch(/completion words -- /)
    expect(script).not.toContain('\\$')
    // Commands and flags would be out of date one day.
    for (const id of IDS.filter((known) => known !== 'completion')) expect(script).not.toMatch(new RegExp(`\\b${id}\\b.*--json`))
  })
})
