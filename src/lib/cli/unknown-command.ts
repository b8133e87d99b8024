import { nearest } from '../base/index.js'
import { McpctlError } from '../errors/index.js'

/**
 * What is wrong with words that are no command: a flag in front of it, an argument too many, or a name nobody knows
 * (then with the nearest known ones). `known` are commands by their words: "daemon status".
 */
export function explainUnknown(typed: string, known: readonly string[]): McpctlError {
  const [first = ''] = typed.split(' ')
  if (first.startsWith('-')) {
    return new McpctlError('USAGE', `mcpctl has no flag ${first} in front of a command`, { hint: 'Flags follow the command, as in mcpctl status --json; see mcpctl help.', details: { flags: [first] } })
  }
  const command = known.find((id) => typed.startsWith(`${id} `))
  if (command !== undefined) {
    const rest = typed.slice(command.length + 1)
    return new McpctlError('USAGE', `${command}: unexpected argument ${JSON.stringify(rest)}`, { hint: `It takes flags only; see mcpctl ${command} --help.`, details: { command, arguments: rest.split(' ') } })
  }
  const close = suggest(typed, known)
  return new McpctlError('UNKNOWN_COMMAND', `there is no command ${JSON.stringify(typed)}`, {
    hint: close.length > 0 ? `Did you mean mcpctl ${close.join(' or mcpctl ')}?` : 'See mcpctl help for all commands.',
    details: { command: typed, suggestions: close },
  })
}

/** Of a topic that is right only the word after it counts: what they share would make all its commands look alike. */
function suggest(typed: string, known: readonly string[]): string[] {
  const [topic = '', word = ''] = typed.split(' ')
  const inTopic = known.flatMap((id) => (id.startsWith(`${topic} `) ? [id.slice(topic.length + 1)] : []))
  if (word === '' || inTopic.length === 0) return nearest(typed, known)
  return nearest(word, inTopic).map((id) => `${topic} ${id}`)
}
