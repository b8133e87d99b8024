import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

/** The key of one sealed text: 32 bytes, written as 64 hexadecimal digits. */
export type SealKey = string

const NONCE_BYTES = 12
const TAG_BYTES = 16

export function createSealKey(): SealKey {
  return randomBytes(32).toString('hex')
}

/** Null: this is none. */
export function readSealKey(text: string): SealKey | null {
  const key = text.trim()
  return /^[0-9a-f]{64}$/.test(key) ? key : null
}

/** AES-256-GCM with a random nonce (NIST SP 800-38D); `bound` has to be the same again to open it. Base64. */
export function seal(text: string, key: SealKey, bound: string): string {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(key, 'hex'), nonce)
  cipher.setAAD(Buffer.from(bound))
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64')
}

/** Null: another key, another `bound`, or somebody changed it. */
export function unseal(sealed: string, key: SealKey, bound: string): string | null {
  const bytes = Buffer.from(sealed, 'base64')
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return null
  try {
    const decipher = createDecipheriv('aes-256-gcm', Buffer.from(key, 'hex'), bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
    decipher.setAAD(Buffer.from(bound))
    decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8')
  } catch {
    return null
  }
}
