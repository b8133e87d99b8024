import { describe, expect, it } from 'vitest'
import { inheritEnvironment } from '../../../src/lib/config/inherit.js'

describe('what a server inherits', () => {
  it('is a short list on Linux, by exact name', () => {
    const env = { PATH: '/bin', Path: 'x', LC_CTYPE: 'C', XDG_CACHE_HOME: '/c', TMPDIR: '/t', NO_PROXY: 'n', no_proxy: 'n', NODE_EXTRA_CA_CERTS: 'c', NODE_OPTIONS: 'o', SystemRoot: 's', GITHUB_TOKEN: 't' }
    expect(Object.keys(inheritEnvironment(env, 'linux'))).toEqual(['PATH', 'LC_CTYPE', 'XDG_CACHE_HOME', 'TMPDIR', 'NO_PROXY', 'no_proxy', 'NODE_EXTRA_CA_CERTS'])
  })

  it('on Windows holds what programs need there, in any case', () => {
    const env = { Path: 'x', SystemRoot: 's', ComSpec: 'c', 'ProgramFiles(x86)': 'p', GITHUB_TOKEN: 't' }
    expect(Object.keys(inheritEnvironment(env, 'win32'))).toEqual(['Path', 'SystemRoot', 'ComSpec', 'ProgramFiles(x86)'])
  })

  it('leaves out functions exported by a shell', () => {
    expect(inheritEnvironment({ TERM: '() { :; }', LANG: 'C' }, 'linux')).toEqual({ LANG: 'C' })
  })
})
