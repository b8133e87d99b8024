import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { defineVerb } from '../cli/index.js'
import { McpctlError } from '../errors/index.js'
import { writeDashboard } from './export-dashboard.js'
import { RULES_FILE, TOKEN_FILE, writeRules, writeScrapeConfig } from './export-scrape.js'
import { findTarget } from './export-target.js'
import { CONFIG_FLAG } from './start.js'

const FOLDER = 'monitoring'

export const exportMonitoring = defineVerb({
  id: 'export monitoring',
  summary: 'Write the configuration of Prometheus and a Grafana dashboard for this daemon.',
  description:
    'Writes prometheus.yml (where to ask), mcpctl-rules.yml (alert rules) and mcpctl-dashboard.json (to import into Grafana) into a folder. The address is that of the running daemon, or of the configuration here, which needs a gateway.port. Files that differ are only overwritten with --force. No token is ever written; where one is needed, prometheus.yml names the file to put it in.',
  examples: ['export monitoring', 'export monitoring --output ./deploy --url http://127.0.0.1:7420', 'export monitoring --force --json'],
  flags: {
    output: { type: 'string', short: 'o', value: 'DIR', summary: `Folder to write into; made when missing. Default: ./${FOLDER}.` },
    url: { type: 'string', value: 'URL', summary: 'Address of the gateway, where it is not the one of this daemon or configuration.' },
    force: { type: 'boolean', short: 'f', summary: 'Overwrite files that are there and differ.' },
    config: CONFIG_FLAG,
  },
  run: async ({ flags }, io) => {
    const folder = resolve(io.cwd, flags.output ?? FOLDER)
    const target = await findTarget(io, flags.url, flags.config)
    const files = [
      { file: join(folder, 'prometheus.yml'), text: await writeScrapeConfig(target) },
      { file: join(folder, RULES_FILE), text: await writeRules() },
      { file: join(folder, 'mcpctl-dashboard.json'), text: writeDashboard() },
    ]
    const written = await store(folder, files, flags.force === true)
    if (!io.json) io.out(written.map(({ file, action }) => `${action === 'written' ? 'wrote' : 'unchanged'}  ${file}`).join('\n'))
    io.say(`Prometheus asks ${target.scheme}://${target.address}${target.path}. Start it with: prometheus --config.file=${join(folder, 'prometheus.yml')}`)
    if (target.needsToken) io.say(`It needs the gateway's token in ${join(folder, TOKEN_FILE)} (mode 600); or set gateway.metrics.public to true.`)
    io.say('In Grafana: Dashboards, New, Import, and choose mcpctl-dashboard.json.')
    return { json: { folder, target, tokenFile: target.needsToken ? join(folder, TOKEN_FILE) : null, files: written } }
  },
})

interface Draft {
  readonly file: string
  readonly text: string
}

/** All or, as far as can be known before, nothing. */
async function store(folder: string, drafts: readonly Draft[], force: boolean): Promise<{ readonly file: string; readonly action: 'written' | 'unchanged' }[]> {
  const present = await Promise.all(drafts.map(({ file }) => read(file)))
  const differing = drafts.filter(({ text }, at) => present[at] !== null && present[at] !== text)
  if (differing.length > 0 && !force) {
    const names = differing.map(({ file }) => file)
    throw new McpctlError('USAGE', `${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} there already, with other content`, { hint: 'Overwrite with --force, or choose another folder with --output DIR.', details: { files: names } })
  }
  const wanted = drafts.filter(({ text }, at) => present[at] !== text)
  const parts = wanted.map((draft) => ({ ...draft, part: `${draft.file}.${String(process.pid)}.part` }))
  try {
    await mkdir(folder, { recursive: true })
    for (const { part, text } of parts) await writeFile(part, text)
    for (const { part, file } of parts) await rename(part, file)
  } catch (error) {
    await Promise.all(parts.map(({ part }) => rm(part, { force: true }).catch(() => undefined)))
    throw new McpctlError('FILE_UNWRITABLE', `cannot write into ${folder}: ${error instanceof Error ? error.message : String(error)}`, { hint: 'Choose another folder with --output DIR.', details: { folder }, cause: error })
  }
  return drafts.map(({ file }) => ({ file, action: wanted.some((draft) => draft.file === file) ? 'written' : 'unchanged' }))
}

/** Null: it is not there. */
async function read(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return null
    throw new McpctlError('FILE_UNWRITABLE', `cannot write ${file}: ${error instanceof Error ? error.message : String(error)}`, { hint: 'Choose another folder with --output DIR.', details: { file }, cause: error })
  }
}
