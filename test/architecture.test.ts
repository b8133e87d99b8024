import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ERROR_CODES } from '../src/lib/errors/index.js'

const ROOT = resolve(import.meta.dirname, '..')
const LIB = join(ROOT, 'src/lib')

/** Which rooms a room may import from, statically. What only a verb needs it loads when it is called. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  base: [],
  errors: ['base'],
  core: ['base', 'errors'],
  config: ['base', 'errors', 'core'],
  process: ['base', 'errors', 'core'],
  mcp: ['base', 'errors', 'core'],
  logs: ['base', 'errors', 'core'],
  outbound: ['base', 'errors', 'core'],
  metrics: ['base', 'errors', 'core'],
  telemetry: ['base', 'errors', 'core'],
  control: ['base', 'errors', 'core'],
  clients: ['base', 'errors', 'core', 'config'],
  gateway: ['base', 'errors', 'core', 'mcp'],
  pump: ['base', 'errors', 'core', 'control'],
  daemon: ['base', 'errors', 'core', 'config', 'process', 'mcp', 'logs', 'metrics', 'control', 'gateway'],
  // What loading it costs is measured at its door: everything behind is loaded when it is used.
  library: ['base', 'errors', 'core', 'config', 'control', 'gateway', 'daemon'],
  cli: ['base', 'errors', 'core'],
  tui: ['base', 'errors', 'core', 'control', 'cli'],
  verbs: ['base', 'errors', 'core', 'control', 'cli', 'logs'],
  commands: ['cli', 'verbs'],
}
/** Rooms that a verb may load when it is called, never before. */
const MAY_LOAD: Record<string, readonly string[]> = { verbs: ['clients', 'config', 'daemon', 'gateway', 'logs', 'mcp', 'metrics', 'outbound', 'process', 'pump', 'telemetry', 'tui'], daemon: ['daemon', 'outbound', 'telemetry'] }
/** Doors besides index.ts: each keeps something heavy out of the others' way. */
const SIDE_DOORS = new Set(['base/integrity', 'cli/command-of', 'config/define', 'core/gateway-spec', 'core/snapshot', 'config/find', 'config/watch'])

interface Import {
  readonly target: string
  readonly kind: 'static' | 'type' | 'dynamic'
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
}

function importsOf(file: string): Import[] {
  const text = readFileSync(file, 'utf8')
  const imports: Import[] = []
  for (const match of text.matchAll(/^(?:import|export)\s+(type\s)?[^'"\n]*?(?:\n[^'"]*?)?from\s+'([^']+)'/gm)) imports.push({ target: match[2] ?? '', kind: match[1] ? 'type' : 'static' })
  for (const match of text.matchAll(/\bimport\(\s*'([^']+)'\s*\)/g)) imports.push({ target: match[1] ?? '', kind: 'dynamic' })
  return imports
}

function roomOf(file: string): string {
  const path = relative(join(ROOT, 'src'), file)
  return path.startsWith('lib') ? (path.split(/[/\\]/)[1] ?? '') : (path.split(/[/\\]/)[0] ?? '')
}

const SOURCES = filesBelow(join(ROOT, 'src'))
const EDGES = SOURCES.flatMap((file) =>
  importsOf(file)
    .filter((entry) => entry.target.startsWith('.'))
    .map((entry) => ({ file, ...entry, path: resolve(dirname(file), entry.target).replace(/\.js$/, '.ts') })),
)
const CROSSING = EDGES.filter((edge) => roomOf(edge.file) !== roomOf(edge.path) && edge.path.startsWith(LIB) && roomOf(edge.file) !== 'index.ts')
const name = (file: string): string => relative(ROOT, file)

describe('the rooms', () => {
  it('import only what their place allows', () => {
    const wrong = CROSSING.filter((edge) => {
      const allowed = edge.kind === 'dynamic' ? [...(MAY_IMPORT[roomOf(edge.file)] ?? []), ...(MAY_LOAD[roomOf(edge.file)] ?? [])] : [...(MAY_IMPORT[roomOf(edge.file)] ?? []), ...(edge.kind === 'type' ? (MAY_LOAD[roomOf(edge.file)] ?? []) : [])]
      return !allowed.includes(roomOf(edge.path))
    })
    expect(wrong.map((edge) => `${name(edge.file)} -> ${edge.target}`)).toEqual([])
  })

  it('are entered through their index', () => {
    const wrong = CROSSING.filter((edge) => {
      const inside = relative(LIB, edge.path).replace(/\.ts$/, '').replaceAll('\\', '/')
      return !inside.endsWith('/index') && !SIDE_DOORS.has(inside) && roomOf(edge.file) !== 'commands'
    })
    expect(wrong.map((edge) => `${name(edge.file)} -> ${edge.target}`)).toEqual([])
  })

  it('are all listed', () => {
    expect(readdirSync(LIB).sort()).toEqual(Object.keys(MAY_IMPORT).filter((room) => room !== 'commands').sort())
  })

  it('keep the core free of node, packages, clock and chance', () => {
    const core = SOURCES.filter((file) => roomOf(file) === 'core')
    for (const file of core) {
      expect(importsOf(file).filter((entry) => !entry.target.startsWith('.')).map((entry) => `${name(file)} -> ${entry.target}`)).toEqual([])
      expect(readFileSync(file, 'utf8')).not.toMatch(/\bDate\.now|new Date|Math\.random|setTimeout|process\./)
    }
  })

  it('have no circle of imports', () => {
    const graph = new Map<string, string[]>()
    for (const edge of EDGES) if (edge.kind === 'static') graph.set(edge.file, [...(graph.get(edge.file) ?? []), edge.path])
    const done = new Set<string>()
    const circles: string[] = []
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) return void circles.push([...path.slice(path.indexOf(file)), file].map(name).join(' -> '))
      if (done.has(file)) return
      for (const next of graph.get(file) ?? []) visit(next, [...path, file])
      done.add(file)
    }
    for (const file of graph.keys()) visit(file, [])
    expect(circles).toEqual([])
  })

  it('keep files small', () => {
    const long = SOURCES.map((file) => ({ file: name(file), lines: readFileSync(file, 'utf8').split('\n').length })).filter(({ lines }) => lines > 320)
    expect(long).toEqual([])
  })
})

/** Every file and package that loading a file pulls in, dynamic imports left out. */
function closureOf(entry: string): { files: Set<string>; packages: Set<string> } {
  const files = new Set<string>()
  const packages = new Set<string>()
  const visit = (file: string): void => {
    if (files.has(file)) return
    files.add(file)
    for (const { target, kind } of importsOf(file)) {
      if (kind !== 'static') continue
      if (target.startsWith('.')) visit(resolve(dirname(file), target).replace(/\.js$/, '.ts'))
      else if (!target.startsWith('node:')) packages.add(target)
    }
  }
  visit(entry)
  return { files, packages }
}

describe('what is loaded', () => {
  it('no command loads a package before it needs one', () => {
    for (const entry of ['quick', 'status', 'status-table', 'start', 'stop', 'logs', 'events', 'proxy', 'tools', 'call']) expect([...closureOf(join(LIB, `verbs/${entry}.ts`)).packages]).toEqual([])
  })

  it('the daemon loads no package at all before it needs one', () => {
    for (const entry of ['main', 'run']) expect([...closureOf(join(LIB, `daemon/${entry}.ts`)).packages]).toEqual([])
  })

  it('the package entry for users loads nothing', () => {
    expect(closureOf(join(ROOT, 'src/index.ts')).files.size).toBeLessThanOrEqual(3)
  })
})

describe('the package', () => {
  it('depends only on packages that run on every supported Node', () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { dependencies: Record<string, string> }
    const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as { packages: Record<string, { engines?: { node?: string }; dev?: boolean }> }
    const refused = Object.entries(lock.packages)
      .filter(([path, entry]) => path !== '' && entry.dev !== true)
      .filter(([, entry]) => !admitsEveryNode(entry.engines?.node))
      .map(([path, entry]) => `${path} (${entry.engines?.node ?? ''})`)
    expect(refused).toEqual([])
    for (const dependency of Object.keys(manifest.dependencies)) expect(existsSync(join(ROOT, 'node_modules', dependency))).toBe(true)
  })

  it('uses every package it depends on', () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { dependencies: Record<string, string>; oclif: { plugins: string[] } }
    const used = new Set([...SOURCES.flatMap((file) => importsOf(file).map((entry) => entry.target)), ...manifest.oclif.plugins])
    const unused = Object.keys(manifest.dependencies).filter((dependency) => ![...used].some((target) => target === dependency || target.startsWith(`${dependency}/`)))
    expect(unused).toEqual([])
  })

  it('documents every error code, and only those', () => {
    const page = readFileSync(join(ROOT, 'docs/reference/errors.md'), 'utf8')
    const documented = [...page.matchAll(/^\| `([A-Z_]+)` \| (\d+) \| (.*) \|$/gm)].map((match) => ({ code: match[1], exit: Number(match[2]), meaning: match[3] }))
    expect(documented).toEqual(Object.entries(ERROR_CODES).map(([code, { exit, meaning }]) => ({ code, exit, meaning })))
  })
})

/** Enough of semver for the ranges that engines fields use: `>=`, `^`, `x.y.z`, `||` and blanks for "and". */
function admitsEveryNode(range: string | undefined): boolean {
  if (range === undefined || range.trim() === '' || range.trim() === '*') return true
  const supported = [[20, 19], [22, 23], [24, 21], [26, 10]] as const
  return supported.every((version) => range.split('||').some((alternative) => matchesAll(alternative.trim(), version)))
}

function matchesAll(alternative: string, [major, minor]: readonly [number, number]): boolean {
  return alternative.replace(/(>=|<=|>|<|\^|~)\s+/g, '$1').split(/\s+/).every((part) => {
    const match = /^(>=|<=|>|<|\^|~|=)?v?(\d+|\*)(?:\.(\d+|x|\*))?/.exec(part)
    if (!match) return false
    const [, operator = '', first = '', second = '0'] = match
    if (first === '*') return true
    const wanted = Number(first) * 1000 + (Number(second) || 0)
    const actual = major * 1000 + minor
    if (operator === '>=' || operator === '>') return actual >= wanted
    if (operator === '<' || operator === '<=') return actual < wanted
    if (operator === '^') return major === Number(first) && actual >= wanted
    return major === Number(first)
  })
}
