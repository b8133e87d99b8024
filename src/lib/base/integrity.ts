import { createHash } from 'node:crypto'

/** SHA-256 in the form of Subresource Integrity (`sha256-` and base64), as package lock files have it. */
export function integrityOf(content: string | Uint8Array): string {
  return `sha256-${createHash('sha256').update(content).digest('base64')}`
}
