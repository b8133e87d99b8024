const COMMON = new Set([
  'PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LANGUAGE', 'TERM', 'TMPDIR', 'TEMP', 'TMP', 'TZ',
  'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR',
  'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'no_proxy', 'all_proxy',
])

const PREFIXES = ['LC_', 'XDG_']

/** Without these a Windows program does not find its libraries, profile or temporary folder. Upper case here. */
const WINDOWS = new Set([
  'ALLUSERSPROFILE', 'APPDATA', 'COMSPEC', 'HOMEDRIVE', 'HOMEPATH', 'LOCALAPPDATA', 'NUMBER_OF_PROCESSORS', 'OS', 'PATHEXT',
  'PROCESSOR_ARCHITECTURE', 'PROGRAMDATA', 'PROGRAMFILES', 'PROGRAMFILES(X86)', 'PROGRAMW6432', 'PUBLIC', 'SYSTEMDRIVE', 'SYSTEMROOT',
  'USERDOMAIN', 'USERNAME', 'USERPROFILE', 'WINDIR',
])

/**
 * What a server inherits: a short list of variables that programs need to run at all. Everything else, other
 * servers' secrets above all, reaches a server only when its configuration names it.
 */
export function inheritEnvironment(env: NodeJS.ProcessEnv, platform: NodeJS.Platform = process.platform): Record<string, string> {
  const inherited: [string, string][] = []
  for (const [name, value] of Object.entries(env)) {
    // A function exported by bash is code, not a value.
    if (value === undefined || value.startsWith('()')) continue
    if (isInherited(name, platform)) inherited.push([name, value])
  }
  return Object.fromEntries(inherited)
}

function isInherited(name: string, platform: NodeJS.Platform): boolean {
  if (platform === 'win32' && (WINDOWS.has(name.toUpperCase()) || COMMON.has(name.toUpperCase()))) return true
  return COMMON.has(name) || PREFIXES.some((prefix) => name.startsWith(prefix))
}
