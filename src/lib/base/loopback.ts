/** A host as it stands in a URL or a header, without the brackets of an IPv6 address; lower case. */
export function bareHost(host: string): string {
  return host.toLowerCase().replace(/^\[(.*)\]$/, '$1')
}

/** Whether a name or address (IPv6 with or without brackets) is certain to mean this machine and nothing else. */
export function isLoopback(host: string): boolean {
  const name = bareHost(host)
  return name === 'localhost' || name === '::1' || /^127(\.\d{1,3}){3}$/.test(name)
}
