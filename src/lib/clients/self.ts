import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { isRecord } from '../config/index.js'

/** Whether an entry of a client starts or reaches mcpctl itself. `addresses`: where its own gateway answers. */
export function isSelf(name: string, raw: unknown, addresses: readonly string[] = []): boolean {
  if (!isRecord(raw)) return false
  const url = ['url', 'httpUrl', 'serverUrl', 'uri'].map((key) => raw[key]).find((each) => typeof each === 'string')
  if (url !== undefined) return addresses.some((address) => url === address || url.startsWith(`${address}/`)) || (name === 'mcpctl' && isLoopbackUrl(url))
  const words = [raw['command'], ...(Array.isArray(raw['args']) ? (raw['args'] as unknown[]) : [])].filter((word) => typeof word === 'string')
  const at = words.indexOf('proxy')
  return at > 0 && words.slice(0, at).some(isOurProgram)
}

/** An entry that is mcpctl with all its servers: nothing is chosen in it. */
export function isPlainSelf(raw: unknown): boolean {
  const args = isRecord(raw) && Array.isArray(raw['args']) ? (raw['args'] as unknown[]) : []
  return !args.some((arg) => typeof arg === 'string' && /^(?:--servers|--profile|-s|-p)(?:=|$)/.test(arg))
}

function isOurProgram(word: string): boolean {
  const name = basename(word.replaceAll('\\', '/')).replace(/\.(?:cmd|exe|ps1)$/i, '')
  return name === 'mcpctl' || (/[\\/]bin[\\/]run\.js$/.test(word) && isOurPackage(word))
}

/** Many programs have a file of this name: the package around it tells, or, when it is gone, its folder. */
function isOurPackage(entry: string): boolean {
  try {
    const manifest: unknown = JSON.parse(readFileSync(join(entry, '../../package.json'), 'utf8'))
    return isRecord(manifest) && manifest['name'] === 'mcpctl'
  } catch {
    return /[\\/]mcpctl[\\/]bin[\\/]run\.js$/.test(entry)
  }
}

function isLoopbackUrl(url: string): boolean {
  return /^https?:\/\/(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])[:/]/.test(url)
}
