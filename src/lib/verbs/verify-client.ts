/** Where a client comes in: through a `mcpctl proxy` of its own, or over HTTP. */
export type Front =
  | { readonly type: 'stdio'; readonly command: string; readonly args: readonly string[]; readonly env: Readonly<Record<string, string>>; readonly cwd: string }
  | { readonly type: 'http'; readonly url: string; readonly headers: Readonly<Record<string, string>> }

/** What a server asked a client, by method. */
export type Asked = 'roots/list' | 'elicitation/create' | 'sampling/createMessage'

export interface ListedTool {
  readonly name: string
  readonly inputSchema: unknown
  readonly annotations: { readonly readOnlyHint: boolean; readonly openWorldHint: boolean }
}

/** Everything a client sees, by name. */
export interface Sight {
  readonly tools: readonly ListedTool[]
  readonly prompts: readonly string[]
  readonly resources: readonly string[]
  readonly resourceTemplates: readonly string[]
}

export interface VerifyClientOptions {
  readonly front: Front
  /** For each single request. */
  readonly timeoutMs: number
  readonly onAsked: (method: Asked) => void
}

/** An official client, as far as it is needed here. Its owner calls `close`, whatever became of `connect`. */
export interface VerifyClient {
  /** The protocol version agreed on. */
  connect(): Promise<string>
  look(): Promise<Sight>
  /** Whether the tool answered that it failed. */
  callTool(name: string): Promise<{ readonly isError: boolean }>
  /** How the server was asked whether it lives; rejects when it does not. */
  checkLife(): Promise<string>
  /** What `mcpctl proxy` said on stderr, its end. */
  complaints(): string
  close(): Promise<void>
}

/** Who the clients of `verify` say they are. */
export const VERIFY_NAME = 'mcpctl-verify'

/** Answers that commit nobody to anything. */
export const HARMLESS = {
  roots: { roots: [] },
  elicitation: { action: 'decline' as const },
  sampling: { role: 'assistant' as const, model: VERIFY_NAME, content: { type: 'text' as const, text: 'This client only checks the connection.' } },
}

const MAX_COMPLAINTS = 2000

/** Keeps the end of what a process says on stderr. */
export function collectComplaints(stream: NodeJS.EventEmitter | null): () => string {
  let text = ''
  stream?.on('data', (chunk: Buffer | string) => {
    text = (text + chunk.toString()).slice(-MAX_COMPLAINTS)
  })
  return () => text.trim()
}

/** A tool as either client lists it. */
export function readTool(tool: { readonly name: string; readonly inputSchema: unknown; readonly annotations?: { readonly readOnlyHint?: boolean | undefined; readonly openWorldHint?: boolean | undefined } | undefined }): ListedTool {
  const { name, inputSchema, annotations } = tool
  return { name, inputSchema, annotations: { readOnlyHint: annotations?.readOnlyHint === true, openWorldHint: annotations?.openWorldHint !== false } }
}
