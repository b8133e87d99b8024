import { lookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'
import { bareHost, isLoopback } from '../base/index.js'
import { McpctlError } from '../errors/index.js'

/** Addresses that are not for everybody (RFC 6890 and its registry): this machine, its networks, those of its cloud. */
const OWN = new BlockList()
/** Apart: a rule for IPv4 addresses inside IPv6 ones would match every IPv4 address. */
const OWN_6 = new BlockList()
for (const [net, bits] of [['0.0.0.0', 8], ['10.0.0.0', 8], ['100.64.0.0', 10], ['127.0.0.0', 8], ['169.254.0.0', 16], ['172.16.0.0', 12], ['192.0.0.0', 24], ['192.168.0.0', 16], ['198.18.0.0', 15], ['224.0.0.0', 3]] as const) OWN.addSubnet(net, bits, 'ipv4')
for (const [net, bits] of [
  ['::', 96], ['::ffff:0:0', 96], ['64:ff9b::', 96], ['64:ff9b:1::', 48], ['fc00::', 7], ['fe80::', 10], ['fec0::', 10], ['ff00::', 8], ['2002::', 16],
] as const) OWN_6.addSubnet(net, bits, 'ipv6')

const MAX_URL = 2_048

/** Looks up the addresses of a name. */
export type Resolve = (host: string) => Promise<readonly { readonly address: string }[]>

/**
 * The URL a client wants a server at, checked. From this machine (`isLocal`) any http(s) address will do. For others the
 * gateway must not become the way to what only this machine reaches: every address of the host has to be a public one.
 * Rejects with USAGE. A name that gets another address later is not noticed.
 */
export async function checkReach(text: string, isLocal: boolean, resolve: Resolve = (host) => lookup(host, { all: true })): Promise<string> {
  const url = text.length <= MAX_URL && URL.canParse(text) ? new URL(text) : null
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) throw refusal('"url" has to be an http:// or https:// address', 'For example https://mcp.example/mcp.')
  // What is added is read like an entry of a configuration: a reference would be filled in with what this machine keeps to itself, and sent there.
  if (text.includes('${')) throw refusal('"url" must hold no reference such as ${NAME}', 'Add the server with mcpctl add, or write it in a configuration file.')
  if (url.username !== '' || url.password !== '') throw refusal('"url" must hold no user name and no password', 'Add the server with mcpctl add and --header.')
  if (isLocal) return text
  const host = bareHost(url.hostname)
  if (isLoopback(host) || /(^|\.)(localhost|local|internal|home\.arpa)\.?$/.test(host)) throw notPublic()
  const addresses = isIP(host) > 0 ? [{ address: host }] : await resolve(host).catch(() => { throw refusal(`the host ${JSON.stringify(host)} is not known`, 'Check its name.') })
  if (addresses.length === 0 || addresses.some(({ address }) => isOwn(address))) throw notPublic()
  return text
}

function isOwn(address: string): boolean {
  return isIP(address) === 6 ? OWN_6.check(address, 'ipv6') : OWN.check(address, 'ipv4')
}

function notPublic(): McpctlError {
  return refusal('"url" leads to this machine or its own networks, which clients from elsewhere may not add', 'Somebody on the machine can: mcpctl add NAME --url URL')
}

function refusal(message: string, hint: string): McpctlError {
  return new McpctlError('USAGE', message, { hint })
}
