/** The clients whose files are known, in the order in which their word counts when two say the same of a server. */
export const CLIENT_IDS = ['cursor', 'claude-code', 'claude-desktop', 'codex', 'windsurf', 'vscode', 'zed', 'gemini'] as const

export type ClientId = (typeof CLIENT_IDS)[number]

/** What is peculiar to a client. */
export interface Client {
  readonly id: ClientId
  /** How people call it. */
  readonly title: string
  /** The name under which its file keeps the servers. */
  readonly rootKey: string
  readonly format: 'json' | 'toml'
  /** Started from the desktop: it may find neither `node` nor what a shell's PATH has. */
  readonly isDesktop: boolean
  /** Where the address of an HTTP server stands; null: its file knows only programs. */
  readonly urlKey: 'url' | 'serverUrl' | 'httpUrl' | null
  readonly headersKey: 'headers' | 'http_headers'
  /** Its entries name their transport. */
  readonly namesType: boolean
  /** What to do so that the client sees a changed file. */
  readonly afterChange: string
}

/** Places and keys: the clients' own documentation, as collected in docs/clients.md. */
export const CLIENTS: Readonly<Record<ClientId, Client>> = {
  cursor: { id: 'cursor', title: 'Cursor', rootKey: 'mcpServers', format: 'json', isDesktop: true, urlKey: 'url', headersKey: 'headers', namesType: false, afterChange: 'notices it by itself' },
  'claude-code': { id: 'claude-code', title: 'Claude Code', rootKey: 'mcpServers', format: 'json', isDesktop: false, urlKey: 'url', headersKey: 'headers', namesType: true, afterChange: 'start a new session' },
  'claude-desktop': { id: 'claude-desktop', title: 'Claude Desktop', rootKey: 'mcpServers', format: 'json', isDesktop: true, urlKey: null, headersKey: 'headers', namesType: false, afterChange: 'quit it and start it again' },
  codex: { id: 'codex', title: 'Codex', rootKey: 'mcp_servers', format: 'toml', isDesktop: false, urlKey: 'url', headersKey: 'http_headers', namesType: false, afterChange: 'start a new session' },
  windsurf: { id: 'windsurf', title: 'Windsurf', rootKey: 'mcpServers', format: 'json', isDesktop: true, urlKey: 'serverUrl', headersKey: 'headers', namesType: false, afterChange: 'refresh its list of MCP servers' },
  vscode: { id: 'vscode', title: 'VS Code', rootKey: 'servers', format: 'json', isDesktop: true, urlKey: 'url', headersKey: 'headers', namesType: true, afterChange: 'notices it by itself' },
  zed: { id: 'zed', title: 'Zed', rootKey: 'context_servers', format: 'json', isDesktop: true, urlKey: 'url', headersKey: 'headers', namesType: false, afterChange: 'notices it by itself' },
  gemini: { id: 'gemini', title: 'Gemini CLI', rootKey: 'mcpServers', format: 'json', isDesktop: false, urlKey: 'httpUrl', headersKey: 'headers', namesType: false, afterChange: 'start a new session' },
}

const OTHER_NAMES: Readonly<Record<string, ClientId>> = {
  claude: 'claude-code', claudecode: 'claude-code', claudedesktop: 'claude-desktop', code: 'vscode', 'vs-code': 'vscode', 'gemini-cli': 'gemini', 'codex-cli': 'codex', devin: 'windsurf',
}

/** The client of that name, also by names people use for it; undefined: none is known. */
export function findClient(name: string): ClientId | undefined {
  const lower = name.trim().toLowerCase().replaceAll(/[\s_]+/g, '-')
  return CLIENT_IDS.find((id) => id === lower) ?? (Object.hasOwn(OTHER_NAMES, lower) ? OTHER_NAMES[lower] : undefined)
}
