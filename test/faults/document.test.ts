import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { describe, expect, test } from 'vitest'
import { ROWS } from './rows.js'

const SCRIPT = fileURLToPath(new URL('../../scripts/reliability.mjs', import.meta.url))
const FOLDER = fileURLToPath(new URL('.', import.meta.url))

describe('the table of faults', () => {
  test('has one test for each row, but for those of the virtual machine', () => {
    const sources = readdirSync(FOLDER).filter((name) => name.endsWith('.test.ts')).map((name) => readFileSync(`${FOLDER}${name}`, 'utf8'))
    const tested = sources.flatMap((text) => [...text.matchAll(/^fault\('(F\d+)'/gm)].map(([, id]) => id ?? ''))
    expect(tested.sort()).toEqual(ROWS.filter(({ place }) => place !== 'guest').map(({ id }) => id).sort())
  })

  test('has a reason where a row is not tested here', () => {
    expect(ROWS.filter(({ place, elsewhere }) => (place === 'guest') !== (elsewhere !== undefined))).toEqual([])
  })

  test('is the one in docs/reliability.md', async () => {
    const { exitCode, stderr } = await execa(process.execPath, [SCRIPT, '--check'], { reject: false })
    expect([exitCode, stderr]).toEqual([0, ''])
  })
})
