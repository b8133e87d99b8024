import { readFileSync } from 'node:fs'

const IMPORT = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)(['"])(\.{1,2}\/[^'"\n]+)\1/g
const CODE = /\.[mc]?[jt]sx?$/

/**
 * The files a module pulls in by a relative import, directly or not; JSON files included, which no loader hook sees.
 * A path put together at run time cannot be seen.
 */
export function collectImports(file: string, resolve: (specifier: string, from: string) => string | undefined): string[] {
  const found = new Set([file])
  for (const current of found) {
    if (!CODE.test(current)) continue
    for (const specifier of importsOf(current)) {
      const path = resolve(specifier, current)
      if (path !== undefined) found.add(path)
    }
  }
  return [...found]
}

function importsOf(file: string): string[] {
  try {
    return [...readFileSync(file, 'utf8').matchAll(IMPORT)].map((match) => match[2] ?? '')
  } catch {
    // Gone since it was loaded: it is on the list already, which is all that matters.
    return []
  }
}
