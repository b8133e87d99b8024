const OFFSET = 0xcbf29ce484222325n
const PRIME = 0x100000001b3n

/** 64-bit FNV-1a of the text's UTF-8 bytes as 16 hex digits: a short name for a long one, no protection of anything. */
export function shortHash(text: string): string {
  let hash = OFFSET
  for (const byte of Buffer.from(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * PRIME)
  return hash.toString(16).padStart(16, '0')
}
