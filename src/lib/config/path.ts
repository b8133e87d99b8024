/** The way to a value inside a configuration: keys and list positions. */
export type Path = readonly (string | number)[]

/** A path for people: `servers.db.env.URL`, `servers.db.args[2]`, `servers["a.b"].cwd`. */
export function formatPath(path: Path): string {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else if (/^[A-Za-z0-9_$@-]{1,80}$/.test(part)) text += text === '' ? part : `.${part}`
    else text += `[${JSON.stringify(part.length > 80 ? `${part.slice(0, 77)}...` : part)}]`
  }
  return text
}
