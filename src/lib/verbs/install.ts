import { existsSync, realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import type { ClientId, InstallPlan, Place, SurveyOptions, TakeOver } from '../clients/index.js'
import type { LoadedConfig } from '../config/index.js'
import { defineVerb, type Io, type Outcome } from '../cli/index.js'
import { connectControl, ensureHome, resolveHome, VERSION } from '../control/index.js'
import { McpctlError } from '../errors/index.js'
import { checkMayAsk, confirm } from './init-confirm.js'
import { countOf, enumerate, shortPath } from './init-text.js'
import { chooseReach, gatewayAddress, type ReachOrder } from './install-reach.js'
import { undoInstall } from './install-undo.js'
import { renderPlan } from './install-view.js'
import { CONFIG_FLAG } from './start.js'

export const install = defineVerb({
  id: 'install',
  summary: 'Let MCP clients use mcpctl in place of the servers it runs for them.',
  description:
    "Puts one entry for mcpctl into a client's own file and takes out the servers that mcpctl runs, so that none runs twice; what mcpctl does not run stays. Shows the change first, secrets hidden. Comments, order and everything else in the file stay as they are, a copy is kept under MCP_HOME, and --undo puts the file back byte for byte. Clients: claude-code, claude-desktop, cursor, vscode, codex, windsurf, zed, gemini.",
  examples: ['install cursor', 'install --all --dry-run', 'install claude-code codex --http --yes', 'install --project claude-code', 'install --undo', 'install cursor --undo --force'],
  names: { summary: 'Clients: claude-code, claude-desktop, cursor, vscode, codex, windsurf, zed, gemini.', required: false, usage: '[CLIENT...]', complete: 'clients' },
  flags: {
    all: { type: 'boolean', short: 'a', summary: 'Every client that has a file here.' },
    http: { type: 'boolean', summary: "Give the gateway's address instead of a program to start, where the client can use one." },
    name: { type: 'string', value: 'NAME', summary: 'How the entry is called; mcpctl when left out.' },
    replace: { type: 'boolean', summary: 'Take out all other servers, also those that mcpctl does not run.' },
    keep: { type: 'boolean', summary: 'Take out none.' },
    project: { type: 'boolean', summary: 'Change the files of the project here, which others may share, instead of yours.' },
    'dry-run': { type: 'boolean', short: 'n', summary: 'Show what would change; change nothing.' },
    undo: { type: 'boolean', summary: 'Put the files back as they were before.' },
    force: { type: 'boolean', summary: "With --undo, of a file that was edited since: take only mcpctl's change back." },
    yes: { type: 'boolean', short: 'y', summary: 'Change without asking.' },
    config: CONFIG_FLAG,
  },
  run: async ({ names, flags }, io) => {
    const wanted = await readClients(names)
    const isDryRun = flags['dry-run'] === true
    if (flags.undo === true) return undoInstall({ clients: wanted.length === 0 ? null : wanted, isForced: flags.force === true, isDryRun }, io)
    checkFlags({ ...flags, count: wanted.length })
    if (!isDryRun) checkMayAsk(io, 'install', flags.yes === true)
    const order: Order = { isHttp: flags.http === true, name: flags.name ?? 'mcpctl', takeOver: flags.replace === true ? 'all' : flags.keep === true ? 'none' : 'covered', isProject: flags.project === true, configPath: flags.config }
    const prepared = await prepare(wanted, order, io)
    if (prepared.plans.length === 0 && prepared.failures.length === 0) throw noClient(order.isProject)
    const report = await renderAll(prepared, io)
    if (!io.json && report !== '') io.out(report)
    const changes = prepared.plans.filter(({ plan }) => plan.isChanged)
    if (isDryRun || changes.length === 0) return outcome(prepared, { isDryRun, done: new Set() })
    if (flags.yes !== true && !(await confirm(io, `\nChange ${countOf(changes.length, 'file')}?`))) {
      io.say('nothing was changed')
      return { ...outcome(prepared, { isDryRun, done: new Set() }), exitStatus: 1 }
    }
    const result = await apply(prepared, order, io)
    for (const hint of prepared.hints) io.say(hint)
    return result
  },
})

interface Order {
  readonly isHttp: boolean
  readonly name: string
  readonly takeOver: TakeOver
  readonly isProject: boolean
  readonly configPath: string | undefined
}

async function readClients(names: readonly string[]): Promise<ClientId[]> {
  if (names.length === 0) return []
  const { CLIENT_IDS, findClient } = await import('../clients/index.js')
  const { nearest } = await import('../base/index.js')
  return [...new Set(names.map((name) => {
    const client = findClient(name)
    if (client !== undefined) return client
    const [guess] = nearest(name, CLIENT_IDS, 1)
    throw new McpctlError('USAGE', `there is no client ${JSON.stringify(name)}`, { hint: guess === undefined ? `Known clients: ${CLIENT_IDS.join(', ')}.` : `Did you mean ${guess}?`, details: { value: name, known: CLIENT_IDS } })
  }))]
}

function checkFlags({ all, replace, keep, name, force, count }: { all: boolean | undefined; replace: boolean | undefined; keep: boolean | undefined; name: string | undefined; force: boolean | undefined; count: number }): void {
  if (replace === true && keep === true) throw new McpctlError('USAGE', '--replace and --keep exclude each other', { hint: 'Without both, the servers that mcpctl runs are taken out.' })
  if (force === true) throw new McpctlError('USAGE', '--force goes with --undo', { hint: 'mcpctl install CLIENT --undo --force' })
  if (all === true && count > 0) throw new McpctlError('USAGE', '--all and names of clients exclude each other', { hint: 'Leave one of the two out.' })
  if (all !== true && count === 0) throw new McpctlError('USAGE', 'no client is named', { hint: 'mcpctl install CLIENT, or mcpctl install --all for every client that has a file here.' })
  if (name !== undefined && !/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/.test(name)) throw new McpctlError('USAGE', `--name ${JSON.stringify(name)} is no name of a server`, { hint: 'Use letters, digits, "_" and "-", beginning with a letter or digit.', details: { flag: 'name', value: name } })
}

function noClient(isProject: boolean): McpctlError {
  return new McpctlError('USAGE', isProject ? 'no client has a file in the project here' : 'no client has a file here', { hint: 'Name the client to make one for: mcpctl install CLIENT.' })
}

interface Prepared {
  readonly plans: readonly { readonly plan: InstallPlan; readonly title: string; readonly notes: readonly string[] }[]
  readonly failures: readonly { readonly file: string; readonly client: ClientId; readonly error: McpctlError }[]
  /** What is still started twice, and the way out. */
  readonly hints: readonly string[]
}

async function prepare(wanted: readonly ClientId[], order: Order, io: Io): Promise<Prepared> {
  const { CLIENTS, describePlace, planInstall } = await import('../clients/index.js')
  const { findUserConfig, loadConfig } = await import('../config/index.js')
  const config = await loadConfig({ cwd: io.cwd, env: io.env, ...(order.configPath === undefined ? {} : { configPath: order.configPath }) })
  const places = await choosePlaces(wanted, order.isProject, io)
  const reach: ReachOrder = { io, config, isUserConfig: config.source === findUserConfig({ cwd: io.cwd, env: io.env }) && !io.env['XDG_CONFIG_HOME'], isHttp: order.isHttp }
  const survey: SurveyOptions = { env: io.env, cwd: io.cwd, folder: dirname(config.source), addresses: config.settings.gateway.port === null ? [] : [gatewayAddress(config.settings.gateway)] }
  const unwell = await findUnwell(io)
  const plans: Prepared['plans'][number][] = []
  const failures: Prepared['failures'][number][] = []
  for (const place of places) {
    try {
      checkIsNoSource(place, config)
      const client = CLIENTS[place.client]
      const plan = await planInstall(place, { name: order.name, reach: await chooseReach(client, place, reach), takeOver: order.takeOver, specs: config.servers, unwell, survey })
      plans.push({ plan, title: describePlace(place), notes: notesOf(plan, order, client.urlKey === null, config) })
    } catch (error) {
      if (!(error instanceof McpctlError)) throw error
      if (places.length === 1) throw error
      failures.push({ file: place.file, client: place.client, error })
    }
  }
  return { plans, failures, hints: order.isProject ? [] : await hintsOf(config, survey) }
}

/** A project's own files go on starting what mcpctl runs, until they are changed too. */
async function hintsOf({ servers }: LoadedConfig, survey: SurveyOptions): Promise<string[]> {
  const { isCovered, surveyClients } = await import('../clients/index.js')
  const shared = (await surveyClients(survey)).filter(({ place }) => place.scope === 'project')
  return shared.flatMap(({ place, found }) => {
    const twice = found.filter(({ essence }) => servers.some((spec) => spec.enabled && isCovered(essence, spec)))
    return twice.length === 0 ? [] : [`${place.file} of the project still starts ${enumerate(twice.map(({ name }) => name))} a second time: mcpctl install --project ${place.client}`]
  })
}

/** Taking a server from a client that mcpctl cannot run (it wants a sign-in, say) would leave the client without. */
async function findUnwell(io: Io): Promise<Map<string, string>> {
  const client = await connectControl(resolveHome(io.env), VERSION)
  if (client === null) return new Map()
  try {
    const { servers } = await client.request('snapshot', { names: null, detail: false })
    return new Map(servers.filter(({ phase }) => phase === 'failed' || phase === 'backoff' || phase === 'unready').map(({ name, phase }) => [name, phase]))
  } finally {
    client.close()
  }
}

/** Named clients get a file when they have none; for all, only those that have one. */
async function choosePlaces(wanted: readonly ClientId[], isProject: boolean, io: Io): Promise<Place[]> {
  const { CLIENTS, projectPlaces, userPlaces } = await import('../clients/index.js')
  const all = isProject ? projectPlaces({ env: io.env, cwd: io.cwd }) : userPlaces({ env: io.env, cwd: io.cwd })
  const present = all.filter(({ file }) => existsSync(file))
  if (wanted.length === 0) return present
  return wanted.flatMap((client) => {
    const own = present.filter((place) => place.client === client)
    if (own.length > 0) return own
    const first = all.find((place) => place.client === client)
    if (first === undefined) throw new McpctlError('USAGE', `${CLIENTS[client].title} has no file in the project here`, { hint: `Make one first, or leave --project out to change your own.`, details: { client } })
    return [first]
  })
}

/** Taking servers out of the file mcpctl reads them from would take them from everybody. */
function checkIsNoSource(place: Place, { files }: LoadedConfig): void {
  const real = (path: string): string => (existsSync(path) ? realpathSync(path) : path)
  if (!files.some((file) => real(file) === real(place.file))) return
  throw new McpctlError('USAGE', `${place.file} is the configuration that mcpctl runs from`, { hint: 'Run mcpctl init first: it writes a configuration of its own, and then this file can give its servers up.', details: { file: place.file } })
}

function notesOf({ entry, place, notes }: InstallPlan, { isHttp }: Order, knowsOnlyPrograms: boolean, { settings }: LoadedConfig): string[] {
  return [
    ...notes,
    ...(isHttp && knowsOnlyPrograms ? ['its file knows only programs: it gets one to start, no address'] : []),
    ...(isHttp && !knowsOnlyPrograms && settings.gateway.token !== null ? ["the gateway's token will stand in the file: see that only you can read it"] : []),
    ...(place.scope === 'project' && 'command' in entry ? ['everybody who uses this project needs mcpctl on the PATH'] : []),
  ]
}

async function renderAll({ plans, failures }: Pick<Prepared, 'plans' | 'failures'>, io: Io): Promise<string> {
  const { diffLines, secretsIn, surveyPlace } = await import('../clients/index.js')
  const { maskLine } = await import('../config/index.js')
  const parts: string[] = []
  for (const { plan, title, notes } of plans) {
    const survey = plan.before.exists ? await surveyPlace(plan.place, { env: io.env, cwd: io.cwd, folder: io.cwd }) : []
    const secrets = survey.flatMap(({ found }) => found.flatMap(({ draft }) => secretsIn(draft)))
    parts.push(renderPlan({ plan, title, notes, secrets, diff: diffLines(plan.before.text, plan.after), maskLine }, io))
  }
  for (const { client, error } of failures) parts.push(`${client}\n  left as it is: ${error.message}${error.hint === undefined ? '' : `\n  hint: ${error.hint}`}`)
  return parts.join('\n\n')
}

interface Done {
  readonly isDryRun: boolean
  /** Files that were changed, with the place of the copy. */
  readonly done: ReadonlySet<string>
}

function outcome({ plans, failures, hints }: Prepared, { isDryRun, done }: Done): Outcome {
  const files = plans.map(({ plan, title, notes }) => ({ client: plan.place.client, title, scope: plan.place.scope, file: plan.place.file, changes: plan.isChanged, changed: done.has(plan.place.file), removed: plan.removed, kept: plan.kept, notes }))
  return { exitStatus: failures.length > 0 ? 1 : 0, json: { undo: false, dryRun: isDryRun, files, hints, failures: failures.map(({ client, file, error }) => ({ client, file, code: error.code, message: error.message })) } }
}

async function apply(prepared: Prepared, { name }: Order, io: Io): Promise<Outcome> {
  const { changeFile, CLIENTS, encodeFor } = await import('../clients/index.js')
  const home = resolveHome(io.env)
  ensureHome(home)
  const done = new Set<string>()
  const failures = [...prepared.failures]
  for (const { plan, title } of prepared.plans.filter((each) => each.plan.isChanged)) {
    try {
      changeFile(home.state, { client: plan.place.client, entry: name, before: plan.before, bytes: encodeFor(plan.before, plan.after) })
      done.add(plan.place.file)
      io.say(`${title}: changed ${shortPath(plan.place.file, io)} (${CLIENTS[plan.place.client].afterChange})`)
    } catch (error) {
      if (!(error instanceof McpctlError)) throw error
      if (prepared.plans.length === 1) throw error
      failures.push({ file: plan.place.file, client: plan.place.client, error })
      io.say(`${title}: ${error.message}`)
    }
  }
  const changed = new Set(prepared.plans.flatMap(({ plan: { place } }) => (done.has(place.file) ? [place.client] : [])))
  if (changed.size > 0) io.say(`taken back with: mcpctl install ${[...changed].join(' ')} --undo`)
  return outcome({ ...prepared, failures }, { isDryRun: false, done })
}
