import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { KEPT_DOSSIERS, listDossierNames, readDossiers, removeOldDossiers, writeDossier } from '../../../src/lib/logs/index.js'
import { dossierOf } from '../../unit/logs/dossier-fixture.js'

const DAY_MS = 24 * 3600 * 1000
let base: string
let directory: string
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'mcpctl-dossier-'))
  directory = join(base, 'state', 'crashes')
})
afterEach(() => rmSync(base, { recursive: true, force: true }))

const files = (name = 'files'): string[] => readdirSync(join(directory, name)).sort()

describe('dossiers', () => {
  it('are written for their owner alone, and read as they were written', async () => {
    const dossier = dossierOf()
    await writeDossier(directory, 'files', dossier)
    const file = join(directory, 'files', `${dossier.endedAt}-g3.json`)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(statSync(join(directory, 'files')).mode & 0o777).toBe(0o700)
    expect(statSync(directory).mode & 0o777).toBe(0o700)
    expect(await readDossiers(directory, 'files')).toEqual({ found: [{ file, dossier }], damaged: [] })
    expect(await listDossierNames(directory)).toEqual(['files'])
  })

  it('are none where nothing was written', async () => {
    expect(await readDossiers(directory, 'files')).toEqual({ found: [], damaged: [] })
    expect(await listDossierNames(directory)).toEqual([])
  })

  it('are read newest first, at most as many as wanted', async () => {
    for (const endedAt of [999, 1000, 20_000]) await writeDossier(directory, 'files', dossierOf({ endedAt }))
    const { found } = await readDossiers(directory, 'files', 2)
    expect(found.map(({ dossier }) => dossier.endedAt)).toEqual([20_000, 1000])
  })

  it('of two ends in the same moment are kept both', async () => {
    await writeDossier(directory, 'files', dossierOf({ server: 'files#1', endedAt: 5 }))
    await writeDossier(directory, 'files', dossierOf({ server: 'files#2', endedAt: 5 }))
    expect((await readDossiers(directory, 'files')).found.map(({ dossier }) => dossier.server)).toEqual(['files#2', 'files#1'])
  })

  it('are ten at most: the oldest goes, whatever else lies there stays', async () => {
    mkdirSync(join(directory, 'files'), { recursive: true })
    writeFileSync(join(directory, 'files', 'notes.txt'), 'mine')
    writeFileSync(join(directory, 'files', '7-g1.json.draft'), '{"half":')
    for (let endedAt = 1; endedAt <= 25; endedAt++) {
      await writeDossier(directory, 'files', dossierOf({ endedAt }))
      expect(files().filter((file) => file.endsWith('.json')).length).toBeLessThanOrEqual(KEPT_DOSSIERS)
    }
    expect(files()).toEqual([...Array.from({ length: 10 }, (_, index) => `${16 + index}-g3.json`), 'notes.txt'])
  })

  it('that are damaged are named and passed over', async () => {
    await writeDossier(directory, 'files', dossierOf({ endedAt: 1 }))
    writeFileSync(join(directory, 'files', '2-g1.json'), '{"schemaVersion":1,')
    writeFileSync(join(directory, 'files', '3-g1.json'), JSON.stringify({ ...dossierOf(), cause: 'whim' }))
    writeFileSync(join(directory, 'files', '4-g1.json'), Buffer.alloc(300_000, 0x20))
    mkdirSync(join(directory, 'files', '5-g1.json'))
    const { found, damaged } = await readDossiers(directory, 'files')
    expect(found.map(({ dossier }) => dossier.endedAt)).toEqual([1])
    expect(damaged.map(({ file, why }) => [file.slice(-9), why])).toEqual([
      ['5-g1.json', expect.stringContaining('EISDIR')],
      ['4-g1.json', 'it has 300000 bytes'],
      ['3-g1.json', expect.stringContaining('cause is not one of')],
      ['2-g1.json', 'it is not valid JSON'],
    ])
  })

  it('do not follow a link that stands where they are written', async () => {
    const victim = join(base, 'victim')
    writeFileSync(victim, 'untouched')
    mkdirSync(join(directory, 'files'), { recursive: true })
    symlinkSync(victim, join(directory, 'files', '9-g3.json.draft'))
    symlinkSync(victim, join(directory, 'files', '9-g3.json'))
    await writeDossier(directory, 'files', dossierOf({ endedAt: 9 }))
    expect(readFileSync(victim, 'utf8')).toBe('untouched')
    expect(existsSync(join(directory, 'files', '10-g3.json'))).toBe(true)
  })

  it('that cannot be written reject, and leave nothing half done', async () => {
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, 'files'), 'a file in the way')
    await expect(writeDossier(directory, 'files', dossierOf())).rejects.toThrow(/EEXIST|ENOTDIR/)
  })

  it.skipIf(process.getuid?.() === 0)('are not written where that is not allowed', async () => {
    mkdirSync(join(directory, 'files'), { recursive: true })
    chmodSync(join(directory, 'files'), 0o500)
    await expect(writeDossier(directory, 'files', dossierOf())).rejects.toThrow(/EACCES/)
    chmodSync(join(directory, 'files'), 0o700)
    expect(files()).toEqual([])
  })
})

describe('folders of servers', () => {
  const now = Date.UTC(2026, 10, 21)

  it('go when their newest dossier is older than thirty days', async () => {
    await writeDossier(directory, 'gone', dossierOf({ endedAt: now - 31 * DAY_MS }))
    await writeDossier(directory, 'recent', dossierOf({ endedAt: now - 40 * DAY_MS }))
    await writeDossier(directory, 'recent', dossierOf({ endedAt: now - 29 * DAY_MS }))
    expect(await removeOldDossiers(directory, now)).toEqual(['gone'])
    expect(await listDossierNames(directory)).toEqual(['recent'])
    expect(files('recent')).toHaveLength(2)
  })

  it('go too when they are empty and old, and stay when they hold something else', async () => {
    for (const name of ['empty', 'fresh', 'foreign']) mkdirSync(join(directory, name), { recursive: true })
    writeFileSync(join(directory, 'foreign', 'notes.txt'), 'mine')
    const old = new Date(now - 60 * DAY_MS)
    for (const name of ['empty', 'foreign']) utimesSync(join(directory, name), old, old)
    utimesSync(join(directory, 'fresh'), new Date(now), new Date(now))
    expect(await removeOldDossiers(directory, now)).toEqual(['empty'])
    expect(await listDossierNames(directory)).toEqual(['foreign', 'fresh'])
    expect(files('foreign')).toEqual(['notes.txt'])
  })

  it('may be missing altogether', async () => {
    expect(await removeOldDossiers(directory, now)).toEqual([])
  })
})
