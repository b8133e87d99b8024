import { shortHash } from '../base/index.js'
import type { PrefixMode } from '../core/index.js'

/** How tools and prompts are named for one client. */
export interface Naming {
  readonly prefix: PrefixMode
  /** Stands between server and name. */
  readonly separator: string
  /** Longest name the client is shown, in characters. Less than 16 counts as 16: there has to be room for names to differ. */
  readonly maxNameLength: number
}

/** One tool or prompt that wants a name. */
export interface Named {
  readonly server: string
  /** The server's own name for it. */
  readonly own: string
  /** The name it goes by: the server's, or the one the configuration gives it. */
  readonly visible: string
  /** It gets no prefix, whatever holds for the others. */
  readonly keepsName?: boolean
}

const HASH_LENGTH = 7
const LEAST_LENGTH = 16
/** What model providers accept in a tool's name. */
const REFUSED = /[^A-Za-z0-9_.-]/gu

/** The name with `_` for every character that clients refuse. */
export function toLegal(name: string): string {
  return name.replace(REFUSED, '_')
}

export function maxLength(naming: Naming): number {
  return Math.max(LEAST_LENGTH, naming.maxNameLength)
}

/** The name as it would be if it could be of any length. */
export function fullName(named: Named, separator: string, prefixed: boolean): string {
  return toLegal(prefixed ? named.server + separator + named.visible : named.visible)
}

/** The name as clients see it unless it is taken: the full one where it fits, else its beginning and a mark. */
export function fitName(named: Named, naming: Naming, prefixed: boolean): string {
  const full = fullName(named, naming.separator, prefixed)
  return full.length <= maxLength(naming) ? full : markName(named, naming, prefixed)
}

/**
 * A name of its own for a tool whose own name is too long or taken: a readable beginning, `_`, and a mark made of
 * server and name alone, so it is the same after every restart and whoever else is there. `attempt` counts up in the
 * unlikely case that this name is taken as well. A long server name gives way to the tool's: half the room at most.
 */
export function markName(named: Named, naming: Naming, prefixed: boolean, attempt = 0): string {
  const mark = markOf(`${named.server}\n${named.own}${attempt === 0 ? '' : `\n${attempt}`}`)
  const room = maxLength(naming) - mark.length - 1
  if (!prefixed) return `${toLegal(named.visible).slice(0, room)}_${mark}`
  const separator = toLegal(naming.separator)
  const server = toLegal(named.server)
  const half = Math.max(1, Math.floor(room / 2) - separator.length)
  const fits = server.length + separator.length + named.visible.length <= room
  const head = (fits ? server : server.slice(0, half)) + separator + toLegal(named.visible)
  return `${head.slice(0, room)}_${mark}`
}

/** 32 bits in base 36. The halves are folded because the upper one hardly depends on the last letters. */
function markOf(text: string): string {
  const hash = shortHash(text)
  const folded = (Number.parseInt(hash.slice(0, 8), 16) ^ Number.parseInt(hash.slice(8), 16)) >>> 0
  return folded.toString(36).padStart(HASH_LENGTH, '0')
}
