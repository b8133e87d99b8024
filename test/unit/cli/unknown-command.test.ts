import { describe, expect, it } from 'vitest'
import { explainUnknown } from '../../../src/lib/cli/index.js'

const KNOWN = ['start', 'status', 'stop', 'config show', 'config validate', 'daemon status', 'help']

describe('words that are no command', () => {
  it.each([
    ['strat', ['start']],
    ['stat', ['status', 'start']],
    ['config shwo', ['config show']],
    ['daemon stauts', ['daemon status']],
    ['config vlidate', ['config validate']],
  ])('%s: exit 127 with the near ones, those of topics too', (typed, suggestions) => {
    const error = explainUnknown(typed, KNOWN)
    expect(error).toMatchObject({ code: 'UNKNOWN_COMMAND', exitStatus: 127, message: `there is no command "${typed}"` })
    expect(error.details['suggestions']).toEqual(expect.arrayContaining(suggestions))
    expect(error.hint).toContain(`mcpctl ${suggestions[0] ?? ''}`)
  })

  it.each(['frobnicate', '', 'a b c d'])('%j: exit 127 with the way to all commands when none is near', (typed) => {
    expect(explainUnknown(typed, KNOWN)).toMatchObject({ code: 'UNKNOWN_COMMAND', hint: 'See mcpctl help for all commands.', details: { command: typed, suggestions: [] } })
  })

  it('that begin with a flag are a usage error', () => {
    expect(explainUnknown('--json status', KNOWN)).toMatchObject({ code: 'USAGE', exitStatus: 2, message: 'mcpctl has no flag --json in front of a command', details: { flags: ['--json'] } })
  })

  it('that are a command and more are a usage error of that command', () => {
    expect(explainUnknown('daemon status a b', KNOWN)).toMatchObject({ code: 'USAGE', message: 'daemon status: unexpected argument "a b"', details: { command: 'daemon status', arguments: ['a', 'b'] } })
  })
})
