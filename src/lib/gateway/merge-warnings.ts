type Kind = 'tool' | 'prompt' | 'resource' | 'resource template'

const MOST_NAMED = 3
const MOST_CHARACTERS = 80
const MOST_SENTENCES = 100

/** Collects what a merge could not keep; the same reason for many entries of one server becomes one sentence. */
export class MergeWarnings {
  readonly #groups = new Map<string, { kind: Kind; server: string; why: string; names: string[] }>()

  /** `why` goes on after "the tool … of server … is" and after "3 tools of server … are". */
  note(kind: Kind, server: string, name: string, why: string): void {
    const key = JSON.stringify([kind, server, why])
    const group = this.#groups.get(key)
    if (group === undefined) this.#groups.set(key, { kind, server, why, names: [name] })
    else group.names.push(name)
  }

  /** In the order in which the reasons came up. */
  toSentences(): string[] {
    const groups = [...this.#groups.values()]
    const sentences = groups.slice(0, MOST_SENTENCES).map(({ kind, server, why, names }) => {
      const named = names.slice(0, MOST_NAMED).map((name) => JSON.stringify(name.length > MOST_CHARACTERS ? `${name.slice(0, MOST_CHARACTERS)}…` : name))
      if (names.length === 1) return `the ${kind} ${named.join('')} of server "${server}" is ${why}`
      const more = names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : ''
      return `${names.length} ${kind}s of server "${server}" are ${why}: ${named.join(', ')}${more}`
    })
    if (groups.length > MOST_SENTENCES) sentences.push(`${groups.length - MOST_SENTENCES} more names were changed or left out`)
    return sentences
  }
}
