export type DefinitionKind = 'tool' | 'prompt'

/** What the definitions of one server were when somebody looked at them: the server's own names, each with the hash of its definition. */
export interface PinSpec {
  readonly tools: Readonly<Record<string, string>>
  readonly prompts: Readonly<Record<string, string>>
}

/** A definition clients are not shown until somebody approves it. `new`: the lock knows nothing of it. */
export interface HeldDefinition {
  readonly kind: DefinitionKind
  /** The server's own name for it. */
  readonly name: string
  readonly cause: 'changed' | 'new'
}
