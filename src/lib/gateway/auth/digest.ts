import { hash, timingSafeEqual } from 'node:crypto'

/** SHA-256 of a text's UTF-8 bytes. */
export function digestOf(text: string): Buffer {
  return hash('sha256', text, 'buffer')
}

/** Compares two digests in a time that does not depend on what they hold. */
export function isSameDigest(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
