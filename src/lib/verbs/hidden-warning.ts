import { spellHidden } from '../base/index.js'
import { neutralise, type Io } from '../cli/index.js'
import { describeHidden, scanDefinition } from '../core/index.js'

const MOST_NAMED = 5

interface Definitions {
  readonly tools: Readonly<Record<string, { readonly definition: Readonly<Record<string, unknown>> }>>
  readonly prompts: Definitions['tools']
}

/** Says which definitions of a server hold characters nobody sees. */
export function warnOfHidden(io: Io, server: string, { tools, prompts }: Definitions): void {
  const definitions = [...Object.entries(tools), ...Object.entries(prompts)].map(([name, { definition }]) => ({ ...definition, name }))
  for (const line of hiddenWarnings(definitions)) io.say(`warning: ${server}: ${line}`)
}

/** One sentence for each definition with such characters, which are spelled out; the first five by name. */
export function hiddenWarnings(definitions: readonly unknown[]): string[] {
  const lines = definitions.flatMap((definition) => {
    if (typeof definition !== 'object' || definition === null) return []
    const found = scanDefinition(definition as Readonly<Record<string, unknown>>)
    const [first] = found
    if (first === undefined) return []
    const name = String((definition as { readonly name?: unknown }).name)
    return [neutralise(spellHidden(`"${name}" holds characters nobody sees, in ${first.path}: ${describeHidden(found.flatMap(({ characters }) => characters))}`))]
  })
  return lines.length > MOST_NAMED ? [...lines.slice(0, MOST_NAMED), `${lines.length - MOST_NAMED} more definitions hold characters nobody sees`] : lines
}
