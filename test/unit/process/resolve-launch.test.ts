import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LaunchError, resolveLaunch } from '../../../src/lib/process/index.js'
import { parseRunner } from '../../../src/lib/process/package-runner.js'

let cwd: string
beforeEach(() => { cwd = mkdtempSync(join(tmpdir(), 'mcpctl-launch-')) })
afterEach(() => rmSync(cwd, { recursive: true, force: true }))

const nodeDirectory = dirname(process.execPath)

function program(path: string, content = '#!/bin/sh\n', mode = 0o755): string {
  const file = join(cwd, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
  chmodSync(file, mode)
  return file
}

function launch(command: string, args: string[] = [], env: Record<string, string> = { PATH: join(cwd, 'bin') }) {
  return { command, args, cwd, env, ownEnv: [], shown: [] }
}

function failure(run: () => unknown): LaunchError {
  try {
    run()
  } catch (error) {
    if (error instanceof LaunchError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('finding the program', () => {
  it('searches the PATH the process will get, relative entries seen from its working directory', () => {
    const file = program('bin/tool')
    expect(resolveLaunch(launch('tool', ['a'])).file).toBe(file)
    expect(resolveLaunch(launch('tool', [], { PATH: '/nowhere:bin' })).file).toBe(file)
    expect(resolveLaunch(launch('./bin/tool')).file).toBe(file)
  })

  it('passes over what cannot be executed, and says so when nothing else is there', () => {
    program('bin/tool', 'x', 0o644)
    const other = program('other/tool')
    expect(resolveLaunch(launch('tool', [], { PATH: `${cwd}/bin:${cwd}/other` })).file).toBe(other)
    expect(failure(() => resolveLaunch(launch('tool')))).toMatchObject({ reason: 'not-executable', permanent: true })
    mkdirSync(join(cwd, 'bin', 'folder'))
    expect(failure(() => resolveLaunch(launch('./bin/folder'))).reason).toBe('not-executable')
  })

  it('names the PATH it searched in vain', () => {
    const error = failure(() => resolveLaunch(launch('no-such-tool', [], { PATH: '/usr/none:/opt/none' })))
    expect(error).toMatchObject({ reason: 'command-not-found', permanent: true, code: 'SERVER_FAILED' })
    expect(error.message).toContain('/usr/none:/opt/none')
    expect(error.hint).not.toBe('')
    expect(failure(() => resolveLaunch(launch('/no/such/tool'))).message).toContain('/no/such/tool')
    expect(failure(() => resolveLaunch(launch(''))).reason).toBe('command-not-found')
  })

  it('tells a missing working directory from a missing program', () => {
    program('bin/tool')
    expect(failure(() => resolveLaunch({ ...launch('tool'), cwd: join(cwd, 'none') }))).toMatchObject({ reason: 'cwd-missing', permanent: true })
    expect(failure(() => resolveLaunch({ ...launch('tool'), cwd: join(cwd, 'bin', 'tool') })).message).toContain('is not a directory')
  })

  it('names the interpreter a script lacks', () => {
    program('bin/direct', '#!/opt/none/python\n')
    program('bin/by-env', '#!/usr/bin/env no-such-interpreter\n')
    program('bin/windows', '#!/bin/sh\r\necho\r\n')
    expect(failure(() => resolveLaunch(launch('direct')))).toMatchObject({ reason: 'bad-interpreter', permanent: true })
    expect(failure(() => resolveLaunch(launch('direct'))).message).toContain('/opt/none/python')
    expect(failure(() => resolveLaunch(launch('by-env'))).message).toContain('no-such-interpreter')
    const windows = failure(() => resolveLaunch(launch('windows')))
    expect(windows.reason).toBe('bad-interpreter')
    expect(windows.hint).toContain('line endings')
  })
})

describe('arguments and environment', () => {
  beforeEach(() => program('bin/tool'))

  it('refuses NUL characters and impossible names, and says where without showing values', () => {
    const secret = failure(() => resolveLaunch(launch('tool', ['ok', 'se\0cret'])))
    expect(secret).toMatchObject({ reason: 'bad-argument', permanent: true })
    expect(secret.message).toContain('args[1]')
    expect(JSON.stringify([secret.message, secret.hint, secret.details])).not.toContain('cret')
    expect(failure(() => resolveLaunch(launch('tool', [], { PATH: 'bin', TOKEN: 'a\0b' }))).message).toContain('env.TOKEN')
    expect(failure(() => resolveLaunch(launch('tool', [], { PATH: 'bin', 'A=B': '1' }))).reason).toBe('bad-argument')
  })

  it.runIf(process.platform === 'linux')('refuses one string larger than the kernel takes, counted in bytes', () => {
    expect(resolveLaunch(launch('tool', ['x'.repeat(131_071)])).args).toHaveLength(1)
    const error = failure(() => resolveLaunch(launch('tool', ['é'.repeat(65_536)])))
    expect(error).toMatchObject({ reason: 'too-large', permanent: true, details: { field: 'args[0]', bytes: 131_072 } })
    expect(failure(() => resolveLaunch(launch('tool', [], { PATH: 'bin', A: 'x'.repeat(131_070) }))).message).toContain('env.A')
  })
})

describe('npx of an installed package', () => {
  const PATH = `/usr/bin:/bin:${nodeDirectory}`

  function install(name: string, manifest: Record<string, unknown>, files: Record<string, string> = { 'index.js': '#!/usr/bin/env node\n' }): string {
    for (const [file, content] of Object.entries(files)) program(join('node_modules', name, file), content)
    program(join('node_modules', name, 'package.json'), JSON.stringify({ name, version: '1.2.3', ...manifest }))
    return join(cwd, 'node_modules', name)
  }

  it('runs its script with the node of the PATH, and puts the programs of the project on the PATH as npx does', () => {
    const directory = install('@scope/server', { bin: { server: 'index.js' } })
    const resolved = resolveLaunch(launch('npx', ['-y', '@scope/server', '--flag', 'x'], { PATH }))
    expect(resolved.args).toEqual([join(directory, 'index.js'), '--flag', 'x'])
    expect(resolved.file).toMatch(/\/node$/)
    expect(resolved.env['PATH']).toBe(`${join(cwd, 'node_modules', '.bin')}:${PATH}`)
    expect(resolved.note).toBe(`npx resolved to node ${join(directory, 'index.js')}`)
    expect(resolved.note).not.toContain('--flag')
  })

  it('finds it above the working directory, through a link, and follows the exact version only', () => {
    const directory = install('real', { bin: 'index.js' })
    symlinkSync(directory, join(cwd, 'node_modules', 'linked'))
    mkdirSync(join(cwd, 'deep', 'er'), { recursive: true })
    const at = (spec: string) => resolveLaunch({ ...launch('npx', [spec], { PATH }), cwd: join(cwd, 'deep', 'er') })
    expect(at('real').args[0]).toBe(join(directory, 'index.js'))
    expect(at('real@1.2.3').args[0]).toBe(join(directory, 'index.js'))
    expect(at('linked').args[0]).toBe(join(directory, 'index.js'))
    for (const spec of ['real@latest', 'real@^1.0.0', 'real@1.2.4', 'real@1', 'absent']) {
      expect(() => at(spec).note, spec).not.toThrow()
      expect(at(spec), spec).toMatchObject({ args: [spec], note: null })
    }
  })

  it('runs a program that is no node script as the file it is, with the flags of the first line otherwise', () => {
    const directory = install('mixed', { bin: { native: 'native', flags: 'flags.js' } }, {
      native: '#!/bin/sh\n', 'flags.js': '#!/usr/bin/env -S node --no-warnings\n',
    })
    expect(resolveLaunch(launch('npx', ['-p', 'mixed', 'native', '1'], { PATH }))).toMatchObject({ file: join(directory, 'native'), args: ['1'] })
    expect(resolveLaunch(launch('npx', ['--package=mixed', 'flags'], { PATH })).args).toEqual(['--no-warnings', join(directory, 'flags.js')])
    expect(resolveLaunch(launch('npx', ['mixed'], { PATH })).note).toBeNull()
  })

  it('leaves the decision to npx when the manifest is broken, the file is missing or there is no node', () => {
    install('broken', { version: 7 })
    install('empty', { bin: 'missing.js' })
    const good = install('good', { bin: 'index.js' })
    program('bin/npx')
    for (const name of ['broken', 'empty', 'good']) expect(resolveLaunch(launch('npx', [name])).note, name).toBeNull()
    expect(resolveLaunch(launch('npx', ['good'], { PATH })).args[0]).toBe(join(good, 'index.js'))
  })
})

describe('reading the command line of npx and npm exec', () => {
  const wanted = (packageName: string, args: string[] = [], more: object = {}) => ({ packageName, version: null, binName: null, args, ...more })

  it.each([
    ['npx', ['pkg', '-y', '--', 'x'], wanted('pkg', ['-y', '--', 'x'])],
    ['/usr/bin/npx', ['--yes', '--', 'pkg', '--flag'], wanted('pkg', ['--flag'])],
    ['npx', ['-y', '@a/b@1.0.0-rc.1', 'x'], wanted('@a/b', ['x'], { version: '1.0.0-rc.1' })],
    ['npx', ['--package', 'pkg', 'tool', '-v'], wanted('pkg', ['-v'], { binName: 'tool' })],
    ['npm', ['exec', '--', 'pkg', '--flag'], wanted('pkg', ['--flag'])],
    ['npm', ['exec', 'pkg', 'a', '--', '--flag'], wanted('pkg', ['a', '--flag'])],
    ['npm', ['x', 'pkg'], wanted('pkg')],
  ])('%s %j', (command, args, expected) => {
    expect(parseRunner(command, args)).toEqual(expected)
  })

  it.each([
    ['node', ['pkg']],
    ['bunx', ['pkg']],
    ['npm', ['run', 'pkg']],
    ['npm', ['exec', 'pkg', '--flag']],
    ['npx', []],
    ['npx', ['-c', 'pkg']],
    ['npx', ['--package', 'a', '--package', 'b', 'tool']],
    ['npx', ['--node-options=x', 'pkg']],
    ['npx', ['pkg@^1.0.0']],
    ['npx', ['pkg@latest']],
    ['npx', ['github:a/b']],
    ['npx', ['../folder']],
    ['npx', ['a/b']],
  ])('is not sure about %s %j', (command, args) => {
    expect(parseRunner(command, args)).toBeNull()
  })
})
