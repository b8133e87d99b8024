import { existsSync, realpathSync } from 'node:fs'
import { dirname, extname, join, resolve } from 'node:path'
import type { Distinct, Draft, Found, SecretFile, SurveyedPlace, Written } from '../clients/index.js'
import { defineVerb, type Io, type Outcome } from '../cli/index.js'
import type { ServerSpec } from '../core/index.js'
import { McpctlError } from '../errors/index.js'
import { checkMayAsk, confirm } from './init-confirm.js'
import { disableMissing } from './init-program.js'
import { countOf, createHide, enumerate, shortPath } from './init-text.js'
import { renderInit } from './init-view.js'

const FORMATS = ['ts', 'json'] as const
type Format = (typeof FORMATS)[number]

export const init = defineVerb({
  id: 'init',
  summary: 'Find the servers of your MCP clients and write one configuration with each of them once.',
  description:
    'Looks through the files of Claude Code, Claude Desktop, Cursor, VS Code, Codex, Windsurf, Zed and Gemini CLI, yours and those of the project here, and writes mcp.config.ts. Entries that start the same are one server; two servers of one name get different ones. References such as ${env:TOKEN} stay references; secrets that are written out go into files of their own, beside the configuration, and are never shown. A server that needs a variable or a program which is not there is written down disabled, so that the result always loads. The files of the clients are not changed: mcpctl install does that.',
  examples: ['init', 'init --dry-run', 'init --yes --format json', 'init --output ~/.config/mcpctl/config.ts --yes'],
  flags: {
    yes: { type: 'boolean', short: 'y', summary: 'Write without asking.' },
    'dry-run': { type: 'boolean', short: 'n', summary: 'Show what was found and what would be written; write nothing.' },
    format: { type: 'string', short: 'f', value: 'FORMAT', options: FORMATS, summary: 'Write TypeScript (ts, the default) or json.' },
    output: { type: 'string', short: 'o', value: 'FILE', summary: 'Write to this file instead of mcp.config.ts here.' },
    force: { type: 'boolean', summary: 'Replace a configuration that is there already.' },
    'all-projects': { type: 'boolean', summary: 'Take the servers that Claude Code keeps for other projects too.' },
  },
  run: async ({ flags }, io) => {
    const isDryRun = flags['dry-run'] === true
    const target = chooseTarget(flags.output, flags.format, io)
    if (!isDryRun) checkMayAsk(io, 'init', flags.yes === true)
    if (!isDryRun && flags.force !== true) checkFree(target.file, flags.output !== undefined, io)
    const plan = await planInit(io, target, flags['all-projects'] === true)
    if (!io.json) io.out(plan.report)
    if (isDryRun) {
      if (!io.json) io.out(`\nwould write ${shortPath(target.file, io)}:\n\n${plan.hide(plan.text).trimEnd()}`)
      return { json: { ...plan.json, dryRun: true, written: false, content: plan.hide(plan.text) } }
    }
    if (flags.yes !== true && !(await confirm(io, `\nWrite ${shortPath(target.file, io)} with ${countOf(plan.servers.length, 'server')}?`))) {
      io.say('nothing was written')
      return { exitStatus: 1, json: { ...plan.json, dryRun: false, written: false } }
    }
    await writePlan(io, target, plan)
    return finish(io, target, plan)
  },
})

interface Target {
  readonly file: string
  readonly format: Format
}

function chooseTarget(output: string | undefined, format: string | undefined, io: Io): Target {
  const stated = FORMATS.find((each) => each === format)
  if (output === undefined) return { file: join(io.cwd, `mcp.config.${stated ?? 'ts'}`), format: stated ?? 'ts' }
  const file = resolve(io.cwd, output.replace(/^~(?=$|[/\\])/, io.env['HOME'] ?? '~'))
  const extension = extname(file).toLowerCase()
  const byName: Format | undefined = ['.ts', '.mts', '.js', '.mjs'].includes(extension) ? 'ts' : ['.json', '.jsonc'].includes(extension) ? 'json' : undefined
  if (byName === undefined) throw new McpctlError('USAGE', `--output ${JSON.stringify(output)}: the extension does not tell the format`, { hint: 'Name a file that ends in .ts or .json.', details: { flag: 'output', value: output } })
  if (stated !== undefined && stated !== byName) throw new McpctlError('USAGE', `--output ${JSON.stringify(output)} and --format ${stated} contradict each other`, { hint: 'Leave one of the two out.', details: { flag: 'format', value: stated } })
  return { file, format: byName }
}

const OWN_NAMES = ['ts', 'mts', 'js', 'mjs', 'cjs', 'json', 'jsonc', 'yaml', 'yml'].map((extension) => `mcp.config.${extension}`)

/** A second configuration in one folder would hide the first or be hidden by it. */
function checkFree(file: string, isNamed: boolean, io: Io): void {
  const present = [file, ...(isNamed ? [] : OWN_NAMES.map((name) => join(dirname(file), name)))].find((path) => existsSync(path))
  if (present === undefined) return
  throw new McpctlError('USAGE', `there is a configuration already: ${shortPath(present, io)}`, {
    hint: present === file ? 'Add servers to it with mcpctl import --from CLIENT, or replace it with --force.' : 'Add servers to it with mcpctl import --from CLIENT, or write another one with --output FILE.',
    details: { file: present },
  })
}

interface Plan {
  readonly text: string
  readonly servers: readonly Distinct[]
  readonly secrets: readonly SecretFile[]
  readonly report: string
  readonly json: Record<string, unknown>
  readonly hide: (text: string) => string
}

async function planInit(io: Io, { file, format }: Target, allProjects: boolean): Promise<Plan> {
  const clients = await import('../clients/index.js')
  const folder = realFolder(dirname(file))
  const places = await clients.surveyClients({ env: io.env, cwd: io.cwd, folder })
  const own = await userServers(file, io)
  const found = clients.wantedOf(places, allProjects)
  const isThere = ({ essence }: Found): boolean => own.servers.some((spec) => clients.isCovered(essence, spec))
  const servers = await disableMissing(clients.gather(found.filter((each) => !isThere(each)), own.servers.map(({ name }) => name)), folder, io)
  const elsewhere = [...new Set(found.filter(isThere).map(({ name }) => name))]
  const taken = clients.readSecretFolder(folder)
  const titleOf = (place: SurveyedPlace['place']): string => clients.describePlace(place)
  const prepared = servers.map((distinct) => ({ distinct, ...clients.extractSecrets(distinct.name, distinct.draft, taken) }))
  const secrets = prepared.flatMap((each) => each.secrets)
  // What a client says in another way than the one that was taken is a secret too.
  const hide = createHide([...secrets.map(({ value }) => value), ...places.flatMap(({ found }) => found.flatMap(({ draft }) => clients.secretsIn(draft)))])
  const written = prepared.map(({ distinct, draft }): Written => ({ name: distinct.name, draft, comments: commentsOf(distinct, titleOf) }))
  const shown = prepared.map(({ distinct, draft }) => ({ distinct, shown: hide(describeDraft(draft)) }))
  const secretFolder = join(folder, clients.SECRET_FOLDER)
  return {
    text: format === 'ts' ? clients.writeTypeScript(written) : clients.writeJson(written),
    servers,
    secrets,
    hide,
    report: hide(renderInit({ places, allProjects, servers: shown, elsewhere: { names: elsewhere, file: own.file }, secrets, secretFolder, titleOf }, io, io.outTerminal)),
    json: {
      file,
      clients: places.map(({ place, title, found, skipped, trouble, isElsewhere }) => ({ client: place.client, title, scope: place.scope, file: place.file, project: place.project, servers: found.map(({ name }) => name), skipped: skipped.map(({ name, reason }) => ({ name, reason })), trouble, leftOut: isElsewhere && !allProjects })),
      servers: shown.map(({ distinct, shown: target }) => ({ name: distinct.name, target, enabled: distinct.disabled === null, disabled: distinct.disabled, renamed: distinct.renamed, notes: distinct.notes, from: distinct.sources.map(toSource) })),
      secrets: secrets.map(({ server, field, file: name }) => ({ server, field, file: join(secretFolder, name) })),
    },
  }
}

/** What the person's own file runs beside every project's: it must not run twice. One that does not load says so later. */
async function userServers(target: string, io: Io): Promise<{ file: string; servers: readonly ServerSpec[] }> {
  const { findUserConfig, loadConfig } = await import('../config/index.js')
  const file = findUserConfig({ cwd: io.cwd, env: io.env })
  if (file === null || file === target) return { file: '', servers: [] }
  try {
    return { file, servers: (await loadConfig({ cwd: io.cwd, env: io.env, configPath: file })).servers }
  } catch {
    return { file, servers: [] }
  }
}

function toSource({ place, name }: Found): Record<string, unknown> {
  return { client: place.client, scope: place.scope, file: place.file, name }
}

function realFolder(folder: string): string {
  try {
    return realpathSync(folder)
  } catch {
    return folder
  }
}

function describeDraft({ command, args = [], url }: Draft): string {
  return command === undefined ? (url ?? '') : [command, ...args].join(' ')
}

function commentsOf({ sources, renamed, notes, disabled }: Distinct, titleOf: (place: Found['place']) => string): string[] {
  const from = `From ${enumerate([...new Set(sources.map(({ place }) => titleOf(place)))])}.`
  return [from, ...[renamed === null ? null : `Renamed: ${renamed}`, disabled === null ? null : `Disabled: ${disabled}`, ...notes].flatMap((text) => (text === null ? [] : [text.charAt(0).toUpperCase() + text.slice(1) + '.']))]
}

async function writePlan(io: Io, { file }: Target, { text, secrets }: Plan): Promise<void> {
  const { readTextFile, replaceFile, writeSecrets } = await import('../clients/index.js')
  const { mkdirSync } = await import('node:fs')
  mkdirSync(dirname(file), { recursive: true })
  writeSecrets(dirname(file), secrets)
  const before = readTextFile(file)
  replaceFile({ ...before, mode: before.exists ? before.mode : 0o644 }, Buffer.from(text), before.hash)
  try {
    await checkLoads(io, file)
  } catch (error) {
    // What was there before is worth more than what does not load.
    if (before.exists) replaceFile(before, before.bytes, readTextFile(file).hash)
    throw error
  }
}

/** It was written to be loaded: if it does not, its author hears of it now. */
async function checkLoads(io: Io, file: string): Promise<void> {
  const { loadConfig } = await import('../config/index.js')
  await loadConfig({ cwd: dirname(file), env: io.env, configPath: file })
}

function finish(io: Io, { file }: Target, { servers, secrets, json }: Plan): Outcome {
  const enabled = servers.filter(({ disabled }) => disabled === null).length
  io.say(`wrote ${shortPath(file, io)}: ${countOf(servers.length, 'server')}${enabled === servers.length ? '' : `, ${servers.length - enabled} of them disabled`}${secrets.length === 0 ? '' : `; ${countOf(secrets.length, 'secret')} beside it`}`)
  io.say(enabled === 0 ? 'next: add or enable servers in it, then mcpctl start' : 'next: mcpctl start, then mcpctl install --all lets your clients use it')
  return { json: { ...json, dryRun: false, written: true } }
}
