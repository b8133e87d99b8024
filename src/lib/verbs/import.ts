import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { ClientId, Found, ImportStep, SecretFile, SurveyedPlace, SurveyOptions, Written } from '../clients/index.js'
import type { LoadedConfig } from '../config/index.js'
import { createPaint, defineVerb, neutralise, type Io, type Outcome } from '../cli/index.js'
import { McpctlError } from '../errors/index.js'
import { checkMayAsk, confirm } from './init-confirm.js'
import { disableMissing } from './init-program.js'
import { countOf, createHide, shortPath } from './init-text.js'
import { unknownServer } from './names.js'
import { CONFIG_FLAG } from './start.js'

export const importVerb = defineVerb({
  id: 'import',
  summary: 'Add servers of an MCP client, or of a file, to the configuration that is there.',
  description:
    'Compares them with the configuration first: what it has already is left alone, under whatever name; a name that it uses for something else is not taken. JSON, YAML and TOML are changed as text, comments and order kept. A configuration that is code is not changed: what to put in is printed, and the exit status is 1. References stay references and secrets go into files of their own, as with mcpctl init.',
  examples: ['import --from cursor', 'import --from claude-desktop github --yes', 'import --from ~/other/.mcp.json --dry-run', 'import --from codex github --as github-work'],
  names: { summary: 'Servers to take, by the names they have there; all when none is named.', required: false },
  flags: {
    from: { type: 'string', value: 'CLIENT|FILE', summary: 'Where they are: claude-code, claude-desktop, cursor, vscode, codex, windsurf, zed, gemini, or a file such as one of theirs.' },
    as: { type: 'string', value: 'NAME', summary: 'Call the one server that is named like this here.' },
    'dry-run': { type: 'boolean', short: 'n', summary: 'Show what would be added; change nothing.' },
    yes: { type: 'boolean', short: 'y', summary: 'Add without asking.' },
    config: CONFIG_FLAG,
  },
  run: async ({ names, flags }, io) => {
    const isDryRun = flags['dry-run'] === true
    if (flags.from === undefined) throw new McpctlError('USAGE', 'import: it is not said where from', { hint: 'mcpctl import --from CLIENT, for example --from cursor, or --from FILE.', details: { flag: 'from' } })
    if (flags.as !== undefined && names.length !== 1) throw new McpctlError('USAGE', '--as needs the name of one server', { hint: `mcpctl import --from ${flags.from} NAME --as ${flags.as}`, details: { flag: 'as' } })
    const target = await openTarget(flags.config, io)
    const plan = await prepare({ from: flags.from, names, as: flags.as }, target, io)
    if (!isDryRun && !target.isCode) checkMayAsk(io, 'import', flags.yes === true)
    if (!io.json) io.out(plan.report)
    const json = { ...plan.json, dryRun: isDryRun }
    if (plan.added.length === 0) return { json: { ...json, written: false, snippet: null } }
    if (target.isCode || isDryRun) return show(plan, target, { io, isDryRun, isTold: flags.yes === true, json })
    if (flags.yes !== true && !(await confirm(io, `\nAdd ${countOf(plan.added.length, 'server')} to ${shortPath(target.file, io)}?`))) {
      io.say('nothing was changed')
      return { exitStatus: 1, json: { ...json, written: false, snippet: null } }
    }
    await write(plan, target, io)
    io.say(`added ${countOf(plan.added.length, 'server')} to ${shortPath(target.file, io)}${plan.secrets.length === 0 ? '' : `; ${countOf(plan.secrets.length, 'secret')} beside it`}`)
    io.say('next: mcpctl start (a daemon that runs takes them in by itself)')
    return { json: { ...json, written: true, snippet: null } }
  },
})

interface Target {
  readonly file: string
  readonly isCode: boolean
  readonly config: LoadedConfig
}

/** The configuration to add to. Throws CONFIG_NOT_FOUND, or USAGE when it belongs to a client. */
async function openTarget(configPath: string | undefined, io: Io): Promise<Target> {
  const { findConfig, findUserConfig, isCodeFile, isOwnFormat, loadConfig, readDocument } = await import('../config/index.js')
  const options = { cwd: io.cwd, env: io.env, ...(configPath === undefined ? {} : { configPath }) }
  const file = findConfig(options)
  if (file === null) throw new McpctlError('CONFIG_NOT_FOUND', `there is no configuration in ${io.cwd} or above it to add to`, { hint: 'mcpctl init writes one, with the servers of all your clients.', details: { cwd: io.cwd } })
  const config = await loadConfig(options)
  const isCode = isCodeFile(file)
  if (!isCode && !isOwnFormat(await readDocument(file, { evaluationTimeoutMs: 1, onFile: () => undefined }), file === findUserConfig(options))) {
    throw new McpctlError('USAGE', `the configuration here is ${file}, which belongs to a client`, { hint: 'mcpctl init writes one of its own, with these servers and those of your other clients; or name one with --config.', details: { file } })
  }
  return { file, isCode, config }
}

interface Wish {
  readonly from: string
  readonly names: readonly string[]
  readonly as: string | undefined
}

interface Plan {
  readonly steps: readonly ImportStep[]
  readonly added: readonly Written[]
  readonly secrets: readonly SecretFile[]
  readonly report: string
  readonly json: Record<string, unknown>
  readonly hide: (text: string) => string
}

/** The one name that was asked for can be given to one server. */
async function checkName(as: string, count: number): Promise<void> {
  const { describeWrongName } = await import('../config/index.js')
  const wrong = describeWrongName(as)
  if (wrong !== undefined && wrong !== null) throw new McpctlError('USAGE', `--as ${JSON.stringify(as)} is not a possible server name: ${wrong}`, { hint: 'Use letters, digits, ".", "_" and "-".', details: { flag: 'as', value: as } })
  if (count > 1) throw new McpctlError('USAGE', `--as names one server, and ${count} different ones are called so there`, { hint: 'Leave --as out: each gets a name of its own. Or name one file with --from FILE.', details: { flag: 'as', value: as } })
}

async function prepare({ from, names, as }: Wish, { file, config }: Target, io: Io): Promise<Plan> {
  const clients = await import('../clients/index.js')
  const folder = dirname(file)
  const places = await survey(from, { env: io.env, cwd: io.cwd, folder }, io)
  const found = select(places, names)
  const gathered = await disableMissing(clients.gather(found), folder, io)
  if (as !== undefined) await checkName(as, gathered.length)
  const servers = as === undefined ? gathered : gathered.map((distinct) => ({ ...distinct, name: as, renamed: null }))
  const steps = clients.planImport(servers, config.servers)
  const taken = clients.readSecretFolder(folder)
  const adding = steps.filter(({ action }) => action === 'add')
  const extracted = adding.map(({ distinct }) => ({ distinct, ...clients.extractSecrets(distinct.name, distinct.draft, taken) }))
  const secrets = extracted.flatMap((each) => each.secrets)
  const hide = createHide(found.flatMap(({ draft }) => clients.secretsIn(draft)))
  const targetOf = ({ distinct: { draft } }: ImportStep): string => hide(draft.command === undefined ? (draft.url ?? '') : [draft.command, ...(draft.args ?? [])].join(' '))
  const skipped = places.flatMap((place) => place.skipped.filter(({ name }) => names.length === 0 || names.includes(name)))
  return {
    steps,
    added: extracted.map(({ distinct, draft }) => ({ name: distinct.name, draft, comments: [] })),
    secrets,
    hide,
    report: [...steps.map((step) => renderStep(step, targetOf(step), io)), ...skipped.map(({ name, reason }) => neutralise(`  skip      ${name}: ${reason}`)), ...secrets.map((secret) => `  secret    ${secret.server} ${secret.field} -> ${clients.SECRET_FOLDER}/${secret.file}`)].join('\n') || 'no servers are there',
    json: {
      file,
      from: places.map(({ place, title }) => ({ client: place.client, title, scope: place.scope, file: place.file })),
      servers: steps.map((step) => ({ name: step.distinct.name, action: step.action, detail: step.detail, target: targetOf(step), enabled: step.distinct.disabled === null, disabled: step.distinct.disabled, notes: step.distinct.notes })),
      skipped: skipped.map(({ name, reason }) => ({ name, reason })),
      secrets: secrets.map(({ server, field, file: name }) => ({ server, field, file: `${folder}/${clients.SECRET_FOLDER}/${name}` })),
    },
  }
}

async function survey(from: string, options: SurveyOptions, io: Io): Promise<SurveyedPlace[]> {
  const clients = await import('../clients/index.js')
  const path = resolve(io.cwd, from.replace(/^~(?=$|[/\\])/, io.env['HOME'] ?? '~'))
  const client: ClientId | undefined = clients.findClient(from)
  if (client === undefined) {
    if (!existsSync(path)) throw new McpctlError('USAGE', `--from ${JSON.stringify(from)} is neither a client nor a file`, { hint: `Clients: ${clients.CLIENT_IDS.join(', ')}.`, details: { flag: 'from', value: from, known: clients.CLIENT_IDS } })
    return clients.surveyPlace(await clients.placeOfFile(path), options)
  }
  const places = [...clients.projectPlaces(options), ...clients.userPlaces(options)].filter((place) => place.client === client && existsSync(place.file))
  if (places.length === 0) throw new McpctlError('CONFIG_NOT_FOUND', `${clients.CLIENTS[client].title} has no configuration here`, { hint: 'mcpctl init --dry-run lists what every client has.', details: { client, looked: clients.userPlaces(options).filter((place) => place.client === client).map(({ file }) => file) } })
  const surveyed: SurveyedPlace[] = []
  for (const place of places) surveyed.push(...(await clients.surveyPlace(place, options)))
  return surveyed.filter(({ isElsewhere }) => !isElsewhere)
}

function select(places: readonly SurveyedPlace[], names: readonly string[]): Found[] {
  const found = places.flatMap((place) => place.found)
  for (const name of names) if (!found.some((each) => each.name === name)) throw unknownServer(name, found.map((each) => each.name))
  return names.length === 0 ? found : found.filter(({ name }) => names.includes(name))
}

const STYLES = { add: 'green', same: 'dim', differs: 'yellow', conflict: 'red' } as const

function renderStep({ action, distinct, detail }: ImportStep, target: string, io: Io): string {
  const paint = createPaint(io.outTerminal.color)
  const why = [detail, action === 'add' && distinct.disabled !== null ? `disabled: ${distinct.disabled}` : null, action === 'differs' || action === 'conflict' ? 'name it and add --as NEW to take it under another name' : null, ...(action === 'add' ? [distinct.renamed, ...distinct.notes] : [])]
  return [`  ${paint(STYLES[action], action.padEnd(9))} ${neutralise(`${distinct.name}  ${target}`)}`, ...why.flatMap((text) => (text === null ? [] : [paint('dim', neutralise(`            ${text}`))]))].join('\n')
}

/** What to put in, for a person: of a configuration that is code, or before anything is done. */
async function show({ added, secrets, hide }: Plan, { file, isCode }: Target, { io, isDryRun, isTold, json }: { io: Io; isDryRun: boolean; isTold: boolean; json: Record<string, unknown> }): Promise<Outcome> {
  const { writeJson, writeSecrets, writeSnippet } = await import('../clients/index.js')
  const snippet = hide(isCode ? writeSnippet(added) : writeJson(added))
  if (isDryRun) {
    if (!io.json) io.out(`\nwould be added to ${shortPath(file, io)}:\n\n${snippet.trimEnd()}`)
    return { json: { ...json, written: false, snippet } }
  }
  if (isTold) writeSecrets(dirname(file), secrets)
  else if (secrets.length > 0) io.say(`${countOf(secrets.length, 'secret')} it refers to: with --yes written into files beside it`)
  io.say(`${shortPath(file, io)} is code, which only its author can change safely: put this inside of its "servers"`)
  if (!io.json) io.out(`\n${snippet}`)
  return { exitStatus: 1, json: { ...json, written: false, snippet } }
}

/** Writes, and takes it back when the result does not load. */
async function write({ added, secrets }: Plan, { file }: Target, io: Io): Promise<void> {
  const { addServers, encodeFor, readTextFile, replaceFile, writeSecrets } = await import('../clients/index.js')
  const { loadConfig } = await import('../config/index.js')
  const before = readTextFile(file)
  const after = encodeFor(before, await addServers(file, before.text, added))
  writeSecrets(dirname(file), secrets)
  replaceFile(before, after, before.hash)
  try {
    await loadConfig({ cwd: io.cwd, env: io.env, configPath: file })
  } catch (error) {
    replaceFile(before, before.bytes, readTextFile(file).hash)
    throw error
  }
}
