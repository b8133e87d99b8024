import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openJournal } from '../../src/lib/daemon/journal.js'

let folder: string
let path: string
let descriptor: number

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcpctl-journal-'))
  path = join(folder, 'daemon.log')
  descriptor = openSync(path, 'a', 0o600)
})

afterEach(() => {
  closeSync(descriptor)
  rmSync(folder, { recursive: true })
})

const numbersIn = (file: string): number[] => readFileSync(file, 'utf8').trimEnd().split('\n').map((line) => (JSON.parse(line) as { n: number }).n)

describe("the daemon's own log", () => {
  it('starts anew when it has grown to its bound: one old one is kept, no line is lost between the two or cut', () => {
    const journal = openJournal(descriptor, () => 0, { path, maxBytes: 10_000 })
    for (let n = 0; n < 500; n++) journal.write('info', 'something happened', { n })
    const [old, now] = [numbersIn(`${path}.1`), numbersIn(path)]
    expect([...old, ...now]).toEqual(Array.from({ length: old.length + now.length }, (_, index) => 500 - old.length - now.length + index))
    expect(statSync(path).size).toBeLessThan(10_100)
    expect(statSync(`${path}.1`)).toMatchObject({ mode: statSync(path).mode })
    expect(statSync(`${path}.1`).size).toBeLessThan(10_200)
  })

  it('counts what was there before, and what others wrote to the same file stays in order', () => {
    writeSync(descriptor, `${'x'.repeat(9_990)}\n`)
    const journal = openJournal(descriptor, () => 0, { path, maxBytes: 10_000 })
    journal.write('info', 'over the bound', { n: 1 })
    expect(statSync(path).size).toBe(0)
    writeSync(descriptor, 'a word of somebody else\n')
    journal.write('info', 'after it', { n: 2 })
    expect(readFileSync(path, 'utf8')).toMatch(/^a word of somebody else\n\{.*"n":2\}\n$/)
  })

  it('goes on below its bound where the old one cannot be kept', () => {
    mkdirSync(`${path}.1`)
    const journal = openJournal(descriptor, () => 0, { path, maxBytes: 10_000 })
    for (let n = 0; n < 150; n++) journal.write('info', 'something happened', { n })
    const kept = numbersIn(path)
    expect(kept.length).toBeGreaterThan(5)
    expect(kept).toEqual(kept.map((_, index) => 150 - kept.length + index))
  })

  it('is bounded by nobody when it is no file of ours', () => {
    const journal = openJournal(descriptor, () => 0)
    for (let n = 0; n < 500; n++) journal.write('info', 'something happened', { n })
    expect(numbersIn(path).length).toBe(500)
  })
})
