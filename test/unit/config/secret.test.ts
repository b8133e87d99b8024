import { describe, expect, it } from 'vitest'
import { describeValue, isSecretName, maskArgs, maskLine, maskText } from '../../../src/lib/config/secret.js'

describe('secrets', () => {
  it.each(['API_KEY', 'githubToken', 'Authorization', 'Set-Cookie', 'DB_PASSWORD', 'PGPASSWD', 'client_secret'])('%s is a secret name', (name) => {
    expect(isSecretName(name)).toBe(true)
  })

  it.each(['PATH', 'PORT', 'NODE_ENV', 'url'])('%s is not', (name) => {
    expect(isSecretName(name)).toBe(false)
  })

  it('are hidden inside texts', () => {
    expect(maskText('postgres://me:pw@h/x and https://h?a=1&access_token=z&b=2')).toBe('postgres://me:***@h/x and https://h?a=1&access_token=***&b=2')
    expect(maskText('Authorization: Bearer abc.def')).toBe('Authorization: Bearer ***')
    expect(maskText('https://h:80/path@x')).toBe('https://h:80/path@x')
  })

  it('are hidden in arguments behind their option', () => {
    expect(maskArgs(['--token', 'a', '--verbose', '-k', 'API_KEY=b', '--secret-file=c', '--token', '--next'])).toEqual(
      ['--token', '***', '--verbose', '-k', 'API_KEY=***', '--secret-file=***', '--token', '--next'],
    )
  })

  it('are hidden in arguments that are command lines, references stay', () => {
    expect(maskArgs(['-c', 'echo token=hunter2', 'x --password hunter2; y', `API_KEY='a b' run`, 'curl "h?a=1&b" --token ${TOKEN}', 'x token=${T} x', 'get the key from --keys --next'])).toEqual(
      ['-c', 'echo token=***', 'x --password ***; y', 'API_KEY=***', 'curl "h?a=1&b" --token ${TOKEN}', 'x token=${T} x', 'get the key from --keys --next'],
    )
  })

  it('are hidden in a line of a file', () => {
    expect(maskLine('  "API_KEY": "abc", "x": 1')).toBe('  "API_KEY": ***')
    expect(maskLine('  "command": "node"')).toBe('  "command": "node"')
  })

  it('values of every kind can be described', () => {
    const circle: unknown[] = []
    circle.push(circle)
    const values = [circle, () => 1, Symbol('x'), 10n, undefined, null, NaN, 'x'.repeat(200)]
    expect(values.map(describeValue)).toEqual(['a list', 'a function', 'a symbol', 'a bigint', 'undefined', 'null', 'NaN', `"${'x'.repeat(77)}..."`])
  })
})
