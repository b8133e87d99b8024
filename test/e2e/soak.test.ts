import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { describe, expect, test } from 'vitest'

const SOAK = fileURLToPath(new URL('../../soak/run.mjs', import.meta.url))

describe.runIf(process.platform === 'linux')('the chaos soak in short', () => {
  test('breaks no rule: one right answer or one honest error for each call, nothing left behind', async () => {
    const { exitCode, stdout, stderr } = await execa(process.execPath, [SOAK, '--seconds', '10', '--seed', '1'], { stdin: 'ignore', reject: false, timeout: 240_000 })
    expect(exitCode, `${stdout}\n${stderr}`).toBe(0)
    const figure = (what: string): number => Number(new RegExp(`^\\| \\**${what}\\** \\| ([\\d,]+) \\|$`, 'm').exec(stdout)?.[1]?.replaceAll(',', ''))
    // How many depends on the machine; that there are some does not.
    expect(figure('right answers')).toBeGreaterThan(20)
    expect(figure('faults')).toBeGreaterThan(2)
    for (const none of ['wrong or second answers', 'without any answer after 30 s', 'errors that do not', 'orphans', 'rules broken']) expect(figure(none), none).toBe(0)
  }, 250_000)
})
