import { describe, expect, it } from 'vitest'
import { createPaint } from '../../../src/lib/cli/index.js'
import { renderError } from '../../../src/lib/cli/render-error.js'
import { asMcpctlError, McpctlError } from '../../../src/lib/errors/index.js'

const plain = createPaint(false)

describe('an error for people', () => {
  it('says what is wrong and the way out', () => {
    expect(renderError(new McpctlError('USAGE', 'it is wrong', { hint: 'Mend it.' }), plain, false)).toBe('error: it is wrong\nhint: Mend it.\n')
  })

  it('needs no hint', () => {
    expect(renderError(new McpctlError('USAGE', 'it is wrong'), plain, false)).toBe('error: it is wrong\n')
  })

  it('keeps its lines: one for each problem', () => {
    expect(renderError(new McpctlError('CONFIG_INVALID', 'a: wrong\nb: wrong', { hint: 'Mend both.' }), plain, false)).toBe('error: a: wrong\nb: wrong\nhint: Mend both.\n')
  })

  it('is harmless whatever went into it', () => {
    expect(renderError(new McpctlError('USAGE', 'bad \u001B[2J', { hint: '\u0007' }), plain, false)).toBe('error: bad \\x1b[2J\nhint: \\x07\n')
  })

  it('is painted where colour is on', () => {
    expect(renderError(new McpctlError('USAGE', 'x', { hint: 'y' }), createPaint(true), false)).toBe('\u001B[31merror:\u001B[39m x\n\u001B[36mhint:\u001B[39m y\n')
  })

  it('shows a stack only on request', () => {
    const cause = new Error('deep down')
    const error = new McpctlError('HOME_UNUSABLE', 'cannot write', { cause })
    expect(renderError(error, plain, false)).not.toContain('deep down')
    expect(renderError(error, plain, true)).toContain('Error: deep down\n    at ')
  })

  it('always shows the stack of a defect, and asks for a report', () => {
    const text = renderError(asMcpctlError(new TypeError('x is not a function')), plain, false)
    expect(text).toMatch(/^error: x is not a function\nhint: This is a defect in mcpctl; .*\nTypeError: x is not a function\n {4}at /)
  })
})
