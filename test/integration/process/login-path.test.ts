import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { readLoginPath } from '../../../src/lib/process/login-path.js'
import { listProcesses, measureProcesses, readEnvironmentBelow, readEnvironmentOf } from '../../../src/lib/process/process-list.js'
import { spawn } from 'node:child_process'
import { waitFor } from '../../helpers/wait.js'

function shellOf(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'mcpctl-shell-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'shell')
  writeFileSync(file, `#!/bin/sh\n${text}\n`)
  chmodSync(file, 0o755)
  return file
}

describe.skipIf(process.platform === 'win32')('the PATH of a login shell', () => {
  it('is that of its start files, not ours, whatever they print', async () => {
    const shell = shellOf(`echo Welcome; printf 'no newline'; PATH=/opt/own:/usr/bin:/bin; export PATH; echo; eval "$4"; echo Bye`)
    const found = await readLoginPath({ SHELL: shell, HOME: '/', PATH: '/ours', SECRET: 'x' }, 60_000)
    expect(found).toEqual({ shell, folders: ['/opt/own', '/usr/bin', '/bin'] })
  })

  it('comes from the real shell here', async () => {
    const found = await readLoginPath({ SHELL: '/bin/bash', HOME: '/nonexistent' }, 60_000)
    expect('folders' in found && found.folders.length > 0).toBe(true)
  })

  it('is not known when the shell hangs, prints without end, is missing or says nothing; what it started is ended', async () => {
    const hanging = shellOf('sleep 61.5')
    expect(await readLoginPath({ SHELL: hanging }, 150)).toEqual({ trouble: `${hanging} did not answer within 0.15 s` })
    expect(await readLoginPath({ SHELL: shellOf('yes') }, 60_000)).toMatchObject({ trouble: expect.stringContaining('prints without end') as string })
    expect(await readLoginPath({ SHELL: '/no/such/shell' }, 60_000)).toMatchObject({ trouble: expect.stringContaining('cannot be run') as string })
    expect(await readLoginPath({ SHELL: shellOf('exit 0') }, 60_000)).toMatchObject({ trouble: expect.stringContaining('did not say') as string })
    await waitFor(async () => !(await listProcesses()).some(({ args }) => args.join(' ') === 'sleep 61.5'))
  })
})

describe.skipIf(process.platform !== 'linux')('the list of processes', () => {
  it('has a child of ours with arguments, parent, age, memory and mark', async () => {
    const child = spawn('sleep', ['62.5'], { env: { ...process.env, MCPCTL_ID: 'test:list:1', OTEL_X: 'y=z' } })
    onTestFinished(() => void child.kill('SIGKILL'))
    const found = await waitFor(async () => (await listProcesses()).find(({ pid, args, memoryBytes }) => pid === child.pid && args[0] === 'sleep' && memoryBytes !== 0))
    expect(found).toMatchObject({ parentPid: process.pid, args: ['sleep', '62.5'], marker: 'test:list:1' })
    expect(Math.abs(Date.now() - (found.startedAt ?? 0))).toBeLessThan(60_000)
    expect(found.memoryBytes).toBeGreaterThan(100_000)
    expect(measureProcesses([found.pid])).toBeGreaterThan(10_000)
    expect(readEnvironmentOf(found.pid, 'OTEL_X')).toBe('y=z')
    expect(readEnvironmentBelow(found.pid, 'OTEL_')).toMatchObject({ OTEL_X: 'y=z' })
    expect((await listProcesses()).some(({ pid }) => pid === process.pid)).toBe(false)
  })
})
