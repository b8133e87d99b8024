import { createPaint, neutralise, type Terminal } from '../cli/index.js'

const GAP = '  '

/** What a tool's definition costs a client that puts it before its model, in each of its conversations. */
export interface ToolCost {
  readonly name: string
  /** An estimate. */
  readonly tokens: number
  readonly bytes: number
}

export interface ServerCost {
  readonly name: string
  readonly tokens: number
  readonly bytes: number
  /** The dearest first. */
  readonly tools: readonly ToolCost[]
}

export interface CostReport {
  /** The dearest server first. */
  readonly servers: readonly ServerCost[]
  readonly tokens: number
  readonly bytes: number
  readonly tools: number
}

/** Words up to this length are usually in the vocabulary as a whole; longer ones come in pieces. */
const WORD_LETTERS = 9
const PIECE_LETTERS = 8
/** Digits are read in groups of at most three; signs come as `":`, `","`, `":{"`. */
const GROUP = 3
/** A single sign often is one token with the word behind it. */
const SIGN_SHARE = 0.5
/** Scripts other than Latin take two tokens for three letters, more or less. */
const FOREIGN_SHARE = 0.7
const PIECES = /[A-Z]?[a-z]+|[A-Z]+|[0-9]+|\s+|[^\sA-Za-z0-9\u0080-\uFFFF]+|[\u0080-\uFFFF]+/g

/**
 * About how many tokens a text is. No vocabulary is asked: text is cut as byte-pair encoders cut it first (letters, digits,
 * signs, blanks), and pieces are counted by length. For the official servers' definitions 1 to 13 percent above what
 * o200k and cl100k count; other models' vocabularies differ more than that.
 */
export function estimateTokens(text: string): number {
  let tokens = 0
  for (const [piece] of text.matchAll(PIECES)) tokens += countPiece(piece)
  return Math.round(tokens)
}

function countPiece(piece: string): number {
  const [first = ''] = piece
  if (/[A-Za-z]/.test(first)) return piece.length <= WORD_LETTERS ? 1 : Math.ceil(piece.length / PIECE_LETTERS)
  // One blank goes with the word behind it.
  if (/\s/.test(first)) return piece === ' ' ? 0 : 1
  if (first >= '\u0080') return piece.length * FOREIGN_SHARE
  return piece.length === 1 && !/[0-9]/.test(first) ? SIGN_SHARE : Math.ceil(piece.length / GROUP)
}

/** A definition as clients hand it to their model: name, description and schema. */
export function costOfTool(definition: unknown): ToolCost {
  const { name, description, inputSchema } = typeof definition === 'object' && definition !== null ? (definition as Record<string, unknown>) : {}
  const text = JSON.stringify({ name, description, inputSchema })
  return { name: typeof name === 'string' ? name : '', tokens: estimateTokens(text), bytes: Buffer.byteLength(text) }
}

/** Every server with its tools, the dearest first. */
export function costOf(servers: readonly { readonly name: string; readonly tools: readonly unknown[] }[]): CostReport {
  const costs = servers.map(({ name, tools }): ServerCost => {
    const each = tools.map(costOfTool).sort((a, b) => b.tokens - a.tokens)
    return { name, tokens: sum(each, 'tokens'), bytes: sum(each, 'bytes'), tools: each }
  })
  return { servers: costs.sort((a, b) => b.tokens - a.tokens), tokens: sum(costs, 'tokens'), bytes: sum(costs, 'bytes'), tools: costs.reduce((all, { tools }) => all + tools.length, 0) }
}

function sum(entries: readonly { readonly tokens: number; readonly bytes: number }[], member: 'tokens' | 'bytes'): number {
  return entries.reduce((all, entry) => all + entry[member], 0)
}

/** One line a tool, one a server, and one for all. */
export function renderCosts({ servers, tokens, tools }: CostReport, terminal: Terminal): string {
  const paint = createPaint(terminal.color)
  const rows = servers.filter((server) => server.tools.length > 0).flatMap((server) => [
    { server: server.name, tool: `all ${server.tools.length}`, tokens: server.tokens, isTotal: true },
    ...server.tools.map((tool) => ({ server: '', tool: neutralise(tool.name), tokens: tool.tokens, isTotal: false })),
  ])
  const width = (texts: readonly string[]): number => Math.max(6, ...texts.map((text) => text.length))
  const [serverWidth, toolWidth, tokenWidth] = [width(rows.map((row) => row.server)), width(rows.map((row) => row.tool)), width(rows.map((row) => String(row.tokens)))]
  const head = paint('dim', ['SERVER'.padEnd(serverWidth), 'TOOL'.padEnd(toolWidth), 'TOKENS'.padStart(tokenWidth), 'SHARE'].join(GAP))
  const lines = rows.map((row) => {
    const line = [row.server.padEnd(serverWidth), row.tool.padEnd(toolWidth), String(row.tokens).padStart(tokenWidth), share(row.tokens, tokens).padStart(5)].join(GAP)
    return row.isTotal ? paint('bold', line) : line
  })
  const count = servers.filter((server) => server.tools.length > 0).length
  return [head, ...lines, '', `about ${tokens} tokens for ${tools} tool${tools === 1 ? '' : 's'} of ${count} server${count === 1 ? '' : 's'} (an estimate: models count differently)`].join('\n')
}

function share(part: number, whole: number): string {
  return whole === 0 ? '' : `${Math.round((part / whole) * 100)}%`
}
