import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseEnv } from 'node:util'
import type { LaunchSpec } from '../core/index.js'
import { describeFailure } from './failure.js'
import { explain, showArgs, showText, type ExplainedValue } from './explain.js'
import { originOf, spotOf, type Layers } from './layer.js'
import { MASK } from './secret.js'
import type { StatedEntry } from './server-entry.js'
import { expandTilde } from './settings.js'
import type { Spot } from './spot.js'

/**
 * The process to start, or null when the entry names no command. Records what no system would accept.
 * `inherited` is what every process gets; `defaults.env`, envFile, passed variables and `env` win over it in this order.
 */
export function resolveLaunch(layers: Layers, inherited: Readonly<Record<string, string>>, explained: ExplainedValue[]): LaunchSpec | null {
  const { entry } = layers
  const { command, args = [] } = entry.values
  if (command === undefined) return null
  const origin = originOf(entry, false)
  const shownCommand = showText('command', command, spotOf(entry, 'command'))
  const shownArgs = args.length > 0 ? showArgs(args, spotOf(entry, 'args')) : []
  explained.push(explain('command', { value: shownCommand, origin }))
  if (args.length > 0) explained.push(explain('args', { value: shownArgs, origin }))
  const cwd = resolveCwd(layers, explained)
  const own = configuredEnvironment(layers, explained)
  const launch = { command, args, cwd, env: { ...inherited, ...own }, ownEnv: Object.keys(own), shown: [shownCommand, ...shownArgs] }
  checkSize(launch, entry.spot)
  return launch
}

function resolveCwd({ entry, defaults }: Layers, explained: ExplainedValue[]): string {
  for (const layer of [entry, ...defaults]) {
    const { cwd } = layer.values
    if (cwd === undefined) continue
    const { folder, userHome, templates } = layer.spot.source
    const absolute = resolve(folder, expandTilde(cwd, userHome))
    const template = templates.get(spotOf(layer, 'cwd').field)
    explained.push(explain('cwd', { value: template ?? absolute, origin: originOf(layer, layer !== entry) }))
    return absolute
  }
  const value = entry.spot.source.defaultCwd
  explained.push(explain('cwd', { value, origin: 'default' }))
  return value
}

/** Configured variables: the value, and how it is shown. */
function configuredEnvironment(layers: Layers, explained: ExplainedValue[]): Record<string, string> {
  const merged = new Map<string, { value: string; shown: ExplainedValue }>()
  const put = (name: string, value: string, shown: Omit<ExplainedValue, 'field'>): void => {
    merged.set(name, { value, shown: { field: `env.${name}`, ...shown } })
  }
  const putAll = (entry: StatedEntry, isDefault: boolean): void => {
    const spot = spotOf(entry, 'env')
    const origin = originOf(entry, isDefault)
    for (const [name, value] of Object.entries(entry.values.env ?? {})) put(name, value, { value: showText(name, value, spot.at(name)), origin })
  }
  for (const entry of layers.defaults.toReversed()) putAll(entry, true)
  for (const [name, value] of readEnvFile(layers.entry, explained)) put(name, value, { value: MASK, origin: `${originOf(layers.entry, false)} (envFile)` })
  for (const name of layers.entry.values.passedVariables ?? []) {
    const value = layers.entry.spot.source.env[name]
    if (value !== undefined) put(name, value, { value: MASK, origin: `environment ${name}` })
  }
  putAll(layers.entry, false)
  for (const { shown } of merged.values()) explained.push(shown)
  return Object.fromEntries([...merged].map(([name, { value }]) => [name, value]))
}

function readEnvFile(entry: StatedEntry, explained: ExplainedValue[]): [string, string][] {
  const { envFile } = entry.values
  if (envFile === undefined) return []
  const spot = spotOf(entry, 'envFile')
  const { folder, userHome, referenced } = entry.spot.source
  const path = resolve(folder, expandTilde(envFile, userHome))
  explained.push(explain('envFile', { value: showText('envFile', path, spot), origin: originOf(entry, false) }))
  referenced.add(path)
  try {
    return Object.entries(parseEnv(readFileSync(path, 'utf8'))).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
  } catch (error) {
    const message = `names the file ${path}, which cannot be read: ${describeFailure(error)}`
    if (spot.isLenient) spot.warn(message)
    else spot.problem(message, 'Create the file or correct the path; it is relative to the folder of the configuration file.')
    return []
  }
}

/** Linux: 32 pages for one text, and a quarter of the usual 8M stack for all; macOS: ARG_MAX; Windows: one command line. */
const MAX_ONE_BYTES = 128 * 1024 - 1
const MAX_ALL_BYTES: Partial<Record<NodeJS.Platform, number>> = { linux: 2 * 1024 ** 2, darwin: 1024 ** 2, win32: 32_766 }

function checkSize({ command, args, env }: LaunchSpec, spot: Spot): void {
  const texts: [string, number][] = [
    ...args.map((arg, index): [string, number] => [`args[${index}]`, Buffer.byteLength(arg)]),
    ...Object.entries(env).map(([name, value]): [string, number] => [`env.${name}`, Buffer.byteLength(name) + Buffer.byteLength(value) + 1]),
  ]
  const tooLong = texts.find(([, bytes]) => bytes > MAX_ONE_BYTES)
  // Each text costs its end mark and a pointer besides itself.
  const total = texts.reduce((sum, [, bytes]) => sum + bytes + 9, Buffer.byteLength(command) + 9)
  const most = MAX_ALL_BYTES[process.platform] ?? MAX_ALL_BYTES.linux ?? 0
  if (tooLong && process.platform !== 'win32') {
    const message = `has ${tooLong[0]} of ${tooLong[1]} bytes; a process can be given at most ${MAX_ONE_BYTES} in one text`
    spot.problem(message, 'Put the value into a file and pass its path.')
  } else if (total > most) {
    spot.problem(`has arguments and variables of ${total} bytes together; a process can be given at most ${most}`, 'Put large values into a file and pass its path.')
  }
}
