import { basename, isAbsolute, resolve } from 'node:path'

/** Programs that run another one named in their arguments. */
const CARRIERS = /^(?:node|bun|bunx|deno|tsx|npx|npm|pnpm|pnpx|yarn|uv|uvx|pipx|env|sh|bash|dash|zsh|docker|podman|python(?:\d[\d.]*)?|nodejs)(?:\.exe|\.cmd)?$/i
/** Programs that stay beside the one they start, and do nothing any more. */
const WRAPPERS = /^(?:npx|npm|pnpm|pnpx|yarn|bunx|uv|uvx|pipx|sh|bash|dash)(?:\.exe|\.cmd)?$/i
/** They name an image: `mcp/postgres`. */
const CONTAINERS = /^(?:docker|podman)(?:\.exe)?$/i
const SUBCOMMANDS = new Set(['exec', 'x', 'run', 'tool', 'dlx', 'start', '-m', '--'])
/** Folders and files of which every project has one: the folder above names the program. */
const COMMON = /^(?:dist|build|src|lib|bin|out|index|server|main|app|cli|run|start|stdio|__main__|node_modules)$/i
/** `mcp` as a word of its own, in a name such as mcp-server-git, notes.mcp or @playwright/mcp. */
const SPEAKS = /(?:^|[-_.@/])mcp(?:$|[-_./])/i
const OFFICIAL = /^@modelcontextprotocol\/server-/
/** Not servers: what tests or supervises them. */
const OTHERS = /^@?modelcontextprotocol\/(?:inspector|sdk|conformance)|(?:^|\/)mcpctl$|^mcp-inspector|^mcp\.config|\.mcp\.json$/i
const MOST_WORDS = 12

/** Why a process is there, as far as its command line tells. */
export interface ProgramLook {
  /** What it seems to be: a package or program name without version and folders, such as `@modelcontextprotocol/server-git`. */
  readonly name: string
  /** The same for all ways to start it (package, program, script): what is left without `mcp`, `server` and scope. */
  readonly key: string
}

/**
 * Takes a command line for an MCP server's when a word in the place of a program, script, package or image has `mcp` as a
 * word of its own, or is one of the official servers. Null: it does not look like one. A guess, never a proof.
 */
export function lookAtProgram(args: readonly string[]): ProgramLook | null {
  const isImage = CONTAINERS.test(basename(splitTitle(args)[0] ?? ''))
  for (const word of programWords(args)) {
    const name = isImage ? bare(word.split('/').slice(-2).join('/')) : nameOf(word)
    if (!OTHERS.test(name) && (SPEAKS.test(name) || OFFICIAL.test(name))) return { name, key: keyOf(name) }
  }
  return null
}

/** Whether it only started another program and waits for it: npx, uvx, or the shell in between. */
export function isWrapper(args: readonly string[]): boolean {
  const [program = '', next = ''] = splitTitle(args)
  const name = basename(program)
  if (/^(?:sh|bash|dash)$/.test(name)) return next === '-c'
  if (WRAPPERS.test(name)) return true
  // npm's own programs run under node: node /usr/bin/npx -y NAME.
  return /^(?:node|nodejs)$/.test(name) && /^(?:npx|npm)(?:-cli\.js)?$/.test(basename(next))
}

/** The absolute path of the script or program, where the command line names one; null otherwise. */
export function scriptOf(args: readonly string[], cwd: string): string | null {
  const word = programWords(args).find((candidate) => /[\\/]/.test(candidate) && !candidate.startsWith('@') && /\.[a-z]{2,3}$/i.test(candidate))
  return word === undefined ? null : isAbsolute(word) ? word : resolve(cwd, word)
}

/** The package a runner is asked for, or null when no word looks like one. */
export function packageIn(args: readonly string[]): string | null {
  const found = programWords(args).find((word) => /^(?:@[\w.~-]+\/)?[\w.~-]+(?:@[\w.~^-]+)?$/.test(word))
  return found === undefined ? null : bare(found)
}

/** Registry, path and name, tag or digest: never a path or an address with a password. */
const IMAGE = /^[\w.-]+(?::\d+)?(?:\/[\w.-]+)+(?:[:@][\w.:-]+)?$/

/** Words that may name the program: the first one, and behind a carrier those that are no flags. */
function programWords(args: readonly string[]): string[] {
  const [program = '', ...rest] = splitTitle(args)
  if (!CARRIERS.test(basename(program))) return [program]
  const words = rest.slice(0, MOST_WORDS).filter((word) => !word.startsWith('-') && !SUBCOMMANDS.has(word)).flatMap((word) => (/\s/.test(word) ? word.trim().split(/\s+/) : [word]))
    // What is assigned may be a secret.
    .filter((word) => !word.includes('='))
  // Behind the program's name come its own arguments: a folder called mcp makes no server of `ls`.
  if (CONTAINERS.test(basename(program))) return words.filter((word) => IMAGE.test(word))
  // A runner's flags may have values of their own in front of the package.
  return words.slice(0, WRAPPERS.test(basename(program)) || basename(program) === 'env' ? 3 : 1)
}

/** npm puts its whole command line into the first word. */
function splitTitle(args: readonly string[]): readonly string[] {
  const [only = ''] = args
  return args.length === 1 && only.includes(' ') ? only.split(' ') : args
}

/** A package, or the telling part of a path; without version, tag and extension. */
function nameOf(word: string): string {
  const path = word.replaceAll('\\', '/')
  const installed = /(?:^|.*\/)(?:node_modules|site-packages)\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]
  if (installed !== undefined && installed !== '.bin') return bare(installed)
  if (/^@[^/]+\/[^/]+$/.test(path)) return bare(path)
  const parts = path.split('/').filter((part) => part !== '').map(bare)
  return parts.findLast((part) => !COMMON.test(part)) ?? parts.at(-1) ?? ''
}

function bare(name: string): string {
  return name.replace(/(?!^)[@:][^/]*$/, '').replace(/\.(?:[cm]?[jt]s|py|exe|cmd)$/i, '')
}

function keyOf(name: string): string {
  const words = (text: string): string[] => text.toLowerCase().split(/[-_.@/]+/).filter((word) => word !== '' && !['mcp', 'server', 'servers', 'modelcontextprotocol'].includes(word))
  const own = words(name.split('/').at(-1) ?? name)
  return (own.length > 0 ? own : words(name)).join('-')
}
