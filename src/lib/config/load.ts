import { realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import type { FleetSettings, ServerSpec } from '../core/index.js'
import { checkGrants } from './auth.js'
import { checkDependencies } from './dependency.js'
import type { ReadOptions, SourceDocument } from './document.js'
import { explain, type ExplainedConfig, type ExplainedValue } from './explain.js'
import { explicitPath, findUserConfig, homeOf, runtimeFile, type FindOptions } from './find.js'
import { resolveGateway } from './gateway.js'
import { checkGroupNames, explainGroups, mergeGroups } from './group.js'
import { inheritEnvironment } from './inherit.js'
import { placeInGroups } from './membership.js'
import { configInvalid } from './problem.js'
import { lockBeside } from './lock-file.js'
import { explainPins, withPins } from './pins.js'
import { checkProfiles, explainProfiles, mergeProfiles, profileKeys } from './profile.js'
import { readDocument } from './read-document.js'
import { checkInstances, expandReplicas } from './replica.js'
import type { ResolvedServer } from './resolved.js'
import { readRuntime, withSwitches, type RuntimeDraft } from './runtime.js'
import { configNotFound, searchDocument } from './search.js'
import { resolveServer, type Ambient } from './server-spec.js'
import { fromEnvironment, fromFlag, type Sourced, type SettingsOverrides } from './setting-override.js'
import { readSettings, type Settings } from './settings.js'
import { isOwnFormat, projectFolder, readContent, type ConfigContent } from './shape.js'
import { fromSnakeFormat } from './snake-format.js'
import { createSource, Spot } from './spot.js'
import { checkVariantDependencies, spreadVariants, varyServer } from './variant.js'

export interface LoadOptions extends FindOptions {
  readonly overrides?: SettingsOverrides
  /** How long a configuration that is code may take to load. Default 10 s. */
  readonly evaluationTimeoutMs?: number
  /** The person's own file does not count. Default: it does. */
  readonly isAlone?: boolean
  /** Called with every file that is looked into, before it is judged: known too when loading fails. */
  readonly onFile?: (file: string) => void
  /** Runtime changes that are to be tried, in place of those that are in effect. */
  readonly runtime?: RuntimeDraft
}

export interface LoadedConfig {
  /** Absolute path of the project's file, or of the user's when there is no other. */
  readonly source: string
  /** Every file that went into it: configurations, modules they import, files that values were read from. */
  readonly files: readonly string[]
  /** Where the locks of its servers are, or would be. */
  readonly locks: readonly string[]
  /** Where changes made at run time are kept, whether there are any or not. */
  readonly runtimeFile: string
  /** In configuration order, disabled ones included; the project's before the user's, those added at run time last. */
  readonly servers: readonly ServerSpec[]
  readonly settings: FleetSettings
  /** Whether a change of the files should be noticed by the daemon. */
  readonly watch: boolean
  readonly warnings: readonly string[]
  readonly explained: ExplainedConfig
}

const EVALUATION_TIMEOUT_MS = 10_000
const PARALLEL_STARTS = 32

/**
 * Finds, reads, expands and checks the configuration: the explicit file or the nearest one upwards, beneath it the
 * user's own file, whose servers and defaults count where the project's says nothing, and what was changed at run time:
 * servers that are in none of the files, and which of all are switched on. Throws CONFIG_NOT_FOUND,
 * CONFIG_UNREADABLE, CONFIG_SYNTAX, CONFIG_EVALUATION, ENVIRONMENT_INVALID, or CONFIG_INVALID with every problem found.
 */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const settings = readSettings(options.env, homeOf(options))
  const contents = (await readDocuments(options)).map(({ document, isUserFile }) => takeApart(document, isUserFile, options))
  const ambient: Ambient = { settings, overrides: options.overrides ?? {}, inherited: inheritEnvironment(options.env) }
  const known = new Set(contents.flatMap(({ entries }) => [...entries.keys()]))
  const groups = mergeGroups(contents.map((content) => content.groups))
  const profiles = mergeProfiles(contents.map((content) => content.profiles))
  const defaults = contents.flatMap((content) => (content.defaults ? [content.defaults] : []))
  const varied = resolveAll(contents, ambient).map((server) => varyServer(server, defaults, profiles, ambient))
  const resolved = varied.map(({ base }) => base)
  checkVariantDependencies(varied)
  checkDependencies(resolved.map(({ entry, spec }) => ({ spec, spot: entry.spots.get('dependsOn') ?? entry.spot })), known)
  checkGroupNames(groups, known)
  for (const server of resolved) checkInstances(server)
  const placed = spreadVariants(placeInGroups(resolved, groups), varied)
  const servers = expandReplicas(placed)
  checkProfiles(profiles, new Set([...known, ...groupNames(servers)]), servers)
  const blocks = contents.flatMap((content) => content.gateway ?? [])
  checkGrants(blocks, { profiles: new Set(profiles.keys()), servers: new Set([...known, ...groupNames(servers)]) })
  const gateway = resolveGateway(blocks, settings, profileKeys(profiles))
  const files = [...new Set(contents.flatMap(({ source }) => [...source.document.files, ...source.referenced]))]
  for (const file of files) options.onFile?.(file)
  const problems = contents.flatMap(({ source }) => source.problems)
  if (problems.length > 0) throw configInvalid(problems)
  const starts = resolveStarts(settings, ambient.overrides)
  const sources = contents.map(({ source }) => source.document.file)
  const locks = [...new Set(sources.map(lockBeside))]
  for (const file of locks) options.onFile?.(file)
  const pinned = withPins(servers, locks)
  return {
    source: sources[0] ?? '',
    files,
    locks,
    runtimeFile: runtimeFile(options),
    servers: pinned,
    settings: { maxConcurrentStarts: starts.value, gateway: { ...gateway.settings, profiles: Object.fromEntries([...profiles].map(([name, { spec }]) => [name, spec])) } },
    watch: settings.watch,
    warnings: contents.flatMap(({ source }) => source.warnings),
    explained: { files: sources, settings: [...explainSettings(settings, starts), ...gateway.explained, ...explainGroups(groups), ...explainProfiles(profiles)], servers: placed.map(({ explained }) => explainPins(explained, pinned)) },
  }
}

interface FoundDocument {
  readonly document: SourceDocument
  readonly isUserFile: boolean
}

/** The project's file, then the user's, then what was added at run time. */
async function readDocuments(options: LoadOptions): Promise<FoundDocument[]> {
  const read: ReadOptions = { evaluationTimeoutMs: options.evaluationTimeoutMs ?? EVALUATION_TIMEOUT_MS, onFile: options.onFile ?? (() => undefined) }
  const isRuntime = explicitPath(options) === runtimeFile(options)
  const runtime = await readRuntime(options, read, { draft: options.runtime, isNamed: isRuntime })
  const added: FoundDocument[] = runtime.document === null ? [] : [{ document: runtime.document, isUserFile: false }]
  const written = await readWritten(options, read, { isRuntime })
  if (written.length + added.length === 0) throw configNotFound(options)
  return [...written, ...added].map(({ document, isUserFile }) => ({ document: withSwitches(fromSnakeFormat(document), runtime), isUserFile }))
}

async function readWritten(options: LoadOptions, read: ReadOptions, { isRuntime }: { readonly isRuntime: boolean }): Promise<FoundDocument[]> {
  const explicit = isRuntime ? null : explicitPath(options)
  const project = isRuntime ? null : explicit === null ? await searchDocument(options, read) : await readDocument(explicit, read)
  const userFile = options.isAlone === true ? null : findUserConfig(options)
  if (project && (userFile === null || isSameFile(project.file, userFile))) return [{ document: project, isUserFile: userFile !== null }]
  if (userFile === null) return project ? [{ document: project, isUserFile: false }] : []
  const user: FoundDocument = { document: await readDocument(userFile, read), isUserFile: true }
  return project ? [{ document: project, isUserFile: false }, user] : [user]
}

function isSameFile(a: string, b: string): boolean {
  return a === b || realpathSync(a) === realpathSync(b)
}

function takeApart(document: SourceDocument, isUserFile: boolean, options: LoadOptions): ConfigContent {
  const folder = projectFolder(document.file)
  const userHome = homeOf(options)
  const source = createSource({
    document,
    isOwn: isOwnFormat(document, isUserFile),
    folder,
    defaultCwd: isUserFile || document.origin !== undefined ? userHome : folder,
    fileFolder: dirname(document.file),
    userHome,
    env: options.env,
  })
  return readContent(source, new Spot(source, []), isUserFile)
}

/** A name in the project's file hides the same name in the user's. */
function resolveAll(contents: readonly ConfigContent[], ambient: Ambient): ResolvedServer[] {
  const resolved: ResolvedServer[] = []
  const defaults = contents.flatMap((content) => (content.defaults ? [content.defaults] : []))
  const taken = new Set<string>()
  for (const { entries, source } of contents) {
    const here = [...entries].filter(([name]) => !taken.has(name.toLowerCase()))
    if (source.document.origin !== undefined) for (const [name, { spot }] of entries) if (taken.has(name.toLowerCase())) spot.warn(`was added at run time and is hidden by the server of that name in ${contents[0]?.source.document.file ?? 'the configuration'}; mcpctl remove ${name} takes it away`)
    for (const [name, entry] of here) {
      taken.add(name.toLowerCase())
      const server = resolveServer(name, { entry, defaults }, ambient)
      if (server) resolved.push(server)
    }
  }
  return resolved
}

function groupNames(servers: readonly ServerSpec[]): string[] {
  return servers.flatMap(({ traffic }) => traffic.membership?.group ?? [])
}

function resolveStarts(settings: Settings, overrides: SettingsOverrides): Sourced<number> {
  const stated = fromFlag(overrides.parallelStartup) ?? fromEnvironment(settings, 'MCP_PARALLEL_STARTUP', settings.parallelStartup)
  return stated === undefined ? { value: PARALLEL_STARTS, origin: 'default' } : { value: stated.value ? PARALLEL_STARTS : 1, origin: stated.origin }
}

function explainSettings(settings: Settings, starts: Sourced<number>): ExplainedValue[] {
  const setting = (field: string, variable: string, value: string | boolean): ExplainedValue =>
    explain(field, fromEnvironment(settings, variable, value) ?? { value, origin: 'default' })
  return [
    setting('home', 'MCP_HOME', settings.home),
    setting('pidDir', 'MCP_PID_DIR', settings.pidDir),
    setting('logDir', 'MCP_LOG_DIR', settings.logDir),
    setting('logLevel', 'MCP_LOG_LEVEL', settings.logLevel),
    explain('maxConcurrentStarts', starts),
    setting('limitsBackend', 'MCP_LIMITS_BACKEND', settings.limitsBackend),
    setting('watch', 'MCP_WATCH', settings.watch),
  ]
}
