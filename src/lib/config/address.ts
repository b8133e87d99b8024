/** Whether the text can be a host name or an IP address; scheme, port and brackets do not belong to it. */
export function isHost(text: string): boolean {
  const name = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/
  const address6 = /^[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*$/
  return text.length <= 253 && (name.test(text) || address6.test(text))
}

export { isLoopback as isLoopbackHost } from '../base/index.js'

/** The TCP port a text names; undefined when it names none from 1 to 65535. */
export function readPort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  return port >= 1 && port <= 65_535 ? port : undefined
}

/** Whether the text can stand behind "Bearer" in a header: visible ASCII without spaces. */
export function isToken(text: string): boolean {
  return /^[\x21-\x7e]{1,4096}$/.test(text)
}
