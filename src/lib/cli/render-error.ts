import type { McpctlError } from '../errors/index.js'
import type { Paint } from './style.js'
import { neutralise } from './style.js'

/** An error for people: what is wrong, the problems one by one where there are several, and the way out. */
export function renderError(error: McpctlError, paint: Paint, debug: boolean): string {
  const lines = error.message.split('\n').map((line) => neutralise(line))
  const [first = '', ...rest] = lines
  const parts = [`${paint('red', 'error:')} ${first}`, ...rest]
  if (error.hint !== undefined) parts.push(`${paint('cyan', 'hint:')} ${neutralise(error.hint)}`)
  if (debug || error.code === 'INTERNAL') parts.push(paint('dim', causeOf(error)))
  return `${parts.join('\n')}\n`
}

function causeOf(error: McpctlError): string {
  const { cause } = error
  return (cause instanceof Error ? cause.stack : undefined) ?? error.stack ?? error.message
}
