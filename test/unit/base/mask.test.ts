import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMask, MASK } from '../../../src/lib/base/index.js'
import { MASK as CONFIG_MASK } from '../../../src/lib/config/secret.js'

const shapes = createMask([])

describe('the value of a known secret', () => {
  const mask = createMask(['hunter2-"quoted"/path ü'])

  it.each([
    ['as it is', 'hunter2-"quoted"/path ü'],
    ['in JSON', JSON.stringify('hunter2-"quoted"/path ü').slice(1, -1)],
    ['in JSON in JSON', JSON.stringify(JSON.stringify('hunter2-"quoted"/path ü')).slice(3, -3)],
    ['in a URL', encodeURIComponent('hunter2-"quoted"/path ü')],
    ['in a URL with small digits', encodeURIComponent('hunter2-"quoted"/path ü').replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())],
    ['in a form', encodeURIComponent('hunter2-"quoted"/path ü').replaceAll('%20', '+')],
    ['in base64', Buffer.from('hunter2-"quoted"/path ü').toString('base64')],
  ])('is hidden %s', (_how, form) => {
    const shown = mask(`before ${form} between ${form} after`)
    expect(shown).not.toContain(form)
    expect(shown).toMatch(/^before \*\*\*\S* between \*\*\*\S* after$/)
  })

  it.each([0, 1, 2])('is hidden in the base64 of a text that has it at place %i of three', (shift) => {
    const secret = 'correct horse battery staple'
    const text = Buffer.from(`${'x'.repeat(shift)}${secret}, and more`)
    for (const encoding of ['base64', 'base64url'] as const) {
      const shown = createMask([secret])(`data ${text.toString(encoding)} end`)
      expect(shown).toMatch(/^data .{0,4}\*\*\*\S* end$/)
      const revealed = Buffer.from(shown.split(MASK)[1] ?? '', 'base64').toString()
      expect(revealed).not.toContain('horse')
    }
  })

  it('is left alone when it is so short that it stands everywhere', () => {
    expect(createMask(['true', '8080', ''])('true on 8080')).toBe('true on 8080')
  })

  it('that overlaps another one goes with it', () => {
    expect(createMask(['abcdefgh', 'efghijkl'])('x abcdefghijkl y')).toBe('x *** y')
    expect(createMask(['abcdef', 'ghijkl'])('x abcdefghijkl y')).toBe('x *** y')
    expect(createMask(['secret', 'secretary general'])('the secretary general')).toBe('the ***')
    expect(createMask(['aaaaaa'])('aaaaaaaaab')).toBe('***b')
  })

  it('is hidden wherever it stands, whatever it is', () => {
    const secret = fc.stringMatching(/^[!-)+-~]{6,60}$/)
    const around = fc.string({ maxLength: 200 })
    fc.assert(fc.property(secret, around, around, (value, before, after) => {
      const mask = createMask([value])
      for (const form of [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value)]) {
        const shown = mask(`${before}${form}${after}`)
        expect(shown.split(MASK).some((part) => part.includes(form))).toBe(false)
        expect(shown).toContain(MASK)
      }
    }))
  })

  it('leaves no part of itself at the end of a text that was cut anywhere', () => {
    fc.assert(fc.property(fc.stringMatching(/^[!-)+-~]{6,40}$/), fc.string({ maxLength: 50 }), fc.nat(40), (value, before, kept) => {
      const form = JSON.stringify(value).slice(1, -1)
      const text = `${before}${form.slice(0, Math.min(kept, form.length - 1))}`
      const shown = createMask([value])(text, true)
      expect(before.startsWith(shown) || shown.includes(MASK)).toBe(true)
    }))
  })

  it('is only cut back where the text was cut', () => {
    const mask = createMask(['hunter2-hunter2'])
    expect(mask('the end is hunter2-hun')).toBe('the end is hunter2-hun')
    expect(mask('the end is hunter2-hun', true)).toBe('the end is ')
  })

  it('may be half a character', () => {
    expect(createMask(['\uD800secret'])('x \uD800secret y')).toBe('x *** y')
  })
})

describe('what looks like a secret', () => {
  it.each([
    ['Authorization: Bearer abc.DEF-123_~+/==', 'Authorization: Bearer ***'],
    ['curl -H "authorization: basic dXNlcjpwYXNz"', 'curl -H "authorization: basic ***"'],
    ['key sk-proj-AbCdEf0123456789 used', 'key *** used'],
    ['key sk_live_0123456789abcdef', 'key ***'],
    ['ghp_0123456789abcdefghijABCDEFGHIJ012345', '***'],
    ['x=gho_0123456789abcdefghijABCDEFGHIJ012345;', 'x=***;'],
    ['(github_pat_11ABCDEFG0123456789_abcdefghijkl)', '(***)'],
    ['xoxb-1234567890-abcdefghij', '***'],
    ['id AKIAIOSFODNN7EXAMPLE.', 'id ***'],
    ['jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl!', 'jwt ***!'],
    ['postgres://app:s3cr3t@db:5432/x', 'postgres://app:***@db:5432/x'],
    ['redis://:s3cr3t@cache', 'redis://:***@cache'],
    ['https://user:p@ss@host/path', 'https://user:***@host/path'],
    ['https://0123456789abcdef0123456789@host/repo.git', 'https://***@host/repo.git'],
    ['{"password":"hunter2","user":"me"}', '{"password":"***","user":"me"}'],
    ['{"dbPassword" : "a \\"quoted\\" one\\\\", "n":1}', '{"dbPassword" : "***", "n":1}'],
    ['{"api_key":"k","apiKey":"k","X-Api-Key":"k"}', '{"api_key":"***","apiKey":"***","X-Api-Key":"***"}'],
    ['{"Authorization":"Digest abc"}', '{"Authorization":"***"}'],
    ['{"text":"{\\"token\\":\\"a\\\\\\"b\\",\\"n\\":1}"}', '{"text":"{\\"token\\":\\"***\\",\\"n\\":1}"}'],
    ['{"accessToken":"never closed', '{"accessToken":"***'],
    ["{ password: 'hunter2', pass: 'x' }", "{ password: '***', pass: 'x' }"],
    ['DB_PASS=hunter2 API_TOKEN="a b" ./run', 'DB_PASS=*** API_TOKEN="***" ./run'],
    ['GET /x?api_key=abc&page=2', 'GET /x?api_key=***&page=2'],
    ['token: abc123def456', 'token: ***'],
    ['-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----', '-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----'],
  ])('is hidden: %s', (text, shown) => {
    expect(shapes(text)).toBe(shown)
    expect(shapes(shown)).toBe(shown)
  })

  it.each([
    'SyntaxError: Unexpected token: end of input',
    '{"progressToken":"7","maxTokens":100,"stopReason":"endTurn"}',
    '{"token":5,"password":null,"secret":true}',
    'task-management-of-the-whole-company',
    'connect to http://127.0.0.1:8080/mcp failed',
    'mailto me@example.com // not a url: a@b',
    '{"cursor":"eyJvZmZzZXQiOjEwMH0"}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read","arguments":{"path":"/home/me/notes.txt"}}}',
    'npm_config_user_agent npm_lifecycle_event',
    '',
  ])('is not seen in: %s', (text) => {
    expect(shapes(text)).toBe(text)
  })

  it('is hidden although the end is missing, when the text was cut', () => {
    expect(shapes('{"auth":"Bearer abc', true)).toBe('{"auth":"Bearer ***')
    expect(shapes('{"note":"ghp_abc', true)).toBe('{"note":"***')
    expect(shapes('{"url":"postgres://app:s3cr', true)).toBe('{"url":"postgres://app:***')
    expect(shapes('{"url":"http://127.0.0.1:80', true)).toBe('{"url":"http://127.0.0.1:80')
    expect(shapes('jwt eyJhbGci', true)).toBe('jwt ***')
  })
})

describe('hiding', () => {
  it('uses the same mask as everything else', () => {
    expect(MASK).toBe(CONFIG_MASK)
  })

  it('changes nothing the second time', () => {
    const piece = fc.constantFrom('password', 'token', '"', "'", '\\', ':', '=', '//', '@', 'Bearer ', 'eyJ', 'ghp_', 'sk-', ' ', 'abcdefghij', '0123456789', '{', '}', ',', '.', '-----BEGIN PRIVATE KEY-----', '-----END', '\n', '***')
    const text = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(''))
    fc.assert(fc.property(text, fc.boolean(), (value, isCut) => {
      const once = createMask(['abcdefghij'])(value, isCut)
      expect(once.split(MASK).some((part) => part.includes('abcdefghij'))).toBe(false)
      expect(once.length).toBeLessThanOrEqual(value.length + MASK.length * 60)
    }), { numRuns: 2000 })
  })

  it.each(['eyJ', '-eyJ', 'ghp_', 'sk-', ' sk-', '//', '//a:', 'Bearer ', 'token', 'token:', 'token="', 'token=\\"', '\\', '"', '\\"', 'password":"\\\\', '-----BEGIN PRIVATE KEY-----', 'passwd-', 'a', ' ', 'progresstoken', 'token= '])(
    'takes time in proportion to the text, were it nothing but %j',
    (piece) => {
      const mask = createMask(['a'.repeat(40), 'tokentokentoken', '\\\\\\\\\\\\\\\\'])
      const text = piece.repeat(Math.ceil(800_000 / piece.length))
      const from = performance.now()
      for (const isCut of [false, true]) mask(text, isCut)
      // A square would be six hundred thousand million steps: minutes.
      expect(performance.now() - from).toBeLessThan(10_000)
    },
  )
})
