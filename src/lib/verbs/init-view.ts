import type { Distinct, SecretFile, SurveyedPlace } from '../clients/index.js'
import { createPaint, neutralise, type Io, type Terminal } from '../cli/index.js'
import { countOf, enumerate, shortPath } from './init-text.js'

export interface InitView {
  readonly places: readonly SurveyedPlace[]
  readonly allProjects: boolean
  readonly servers: readonly { readonly distinct: Distinct; readonly shown: string }[]
  /** What the person's own configuration has already. */
  readonly elsewhere: { readonly names: readonly string[]; readonly file: string }
  readonly secrets: readonly SecretFile[]
  readonly secretFolder: string
  readonly titleOf: (place: SurveyedPlace['place']) => string
}

/** What was found and what becomes of it, for people. */
export function renderInit(view: InitView, io: Io, terminal: Terminal): string {
  const paint = createPaint(terminal.color)
  const { places, servers, secrets, secretFolder, elsewhere } = view
  if (places.length === 0) return 'no MCP client has a configuration here'
  const lines = [paint('bold', 'Found'), ...renderPlaces(view, io, terminal), '']
  if (servers.length > 0) {
    const total = servers.reduce((sum, { distinct }) => sum + distinct.sources.length, 0)
    lines.push(paint('bold', `${countOf(servers.length, 'distinct server')}${total === servers.length ? '' : ` out of ${total} entries`}`))
    for (const { distinct, shown } of servers) lines.push(...renderServer(distinct, shown, view, terminal))
    lines.push('')
  }
  if (elsewhere.names.length > 0) lines.push(neutralise(`left out, because ${shortPath(elsewhere.file, io)} has ${elsewhere.names.length === 1 ? 'it' : 'them'} already: ${enumerate(elsewhere.names)}`), '')
  if (secrets.length > 0) {
    lines.push(`${countOf(secrets.length, 'secret')} written out in those files ${secrets.length === 1 ? 'goes' : 'go'} into ${shortPath(secretFolder, io)}, a file each that only you can read; the configuration refers to them:`)
    lines.push(...secrets.map(({ server, field, file }) => `  ${server} ${field} -> ${file}`), '')
  }
  return lines.join('\n').trimEnd()
}

function renderPlaces({ places, allProjects }: InitView, io: Io, terminal: Terminal): string[] {
  const paint = createPaint(terminal.color)
  const width = Math.max(...places.map(({ title }) => title.length))
  return places.flatMap(({ title, place, found, skipped, trouble, isElsewhere }) => {
    const where = `  ${title.padEnd(width)}  ${paint('dim', neutralise(shortPath(place.file, io)))}`
    if (trouble !== null) return [where, `      ${paint('red', 'could not be read:')} ${neutralise(trouble.split('\n')[0] ?? '')}`]
    const names = found.map(({ name, draft }) => neutralise(draft.enabled ? name : `${name} (disabled)`))
    const lines = [`${where}${place.project === null || place.scope === 'project' ? '' : paint('dim', neutralise(` for ${shortPath(place.project, io)}`))}`]
    lines.push(`      ${names.length === 0 ? paint('dim', 'no servers') : names.join(', ')}${isElsewhere && !allProjects ? paint('yellow', '  left out: another project (--all-projects takes it)') : ''}`)
    return [...lines, ...skipped.map(({ name, reason }) => paint('dim', neutralise(`      ${name} left out: ${reason}`)))]
  })
}

function renderServer({ name, sources, renamed, notes, disabled }: Distinct, shown: string, { titleOf }: InitView, terminal: Terminal): string[] {
  const paint = createPaint(terminal.color)
  const from = [...new Set(sources.map((source) => (source.name === name || renamed !== null ? titleOf(source.place) : `${titleOf(source.place)} as ${source.name}`)))]
  const room = Math.max(40, Math.min(terminal.columns, 120) - 6)
  const text = neutralise(shown)
  const line = text.length > room ? `${text.slice(0, room - 1)}…` : text
  return [
    `  ${paint('bold', name)}  ${paint('dim', `from ${neutralise(enumerate(from))}`)}`,
    `      ${line}`,
    ...(renamed === null ? [] : [paint('yellow', neutralise(`      renamed: ${renamed}`))]),
    ...(disabled === null ? [] : [paint('yellow', neutralise(`      written down disabled: ${disabled}`))]),
    ...notes.map((note) => paint('dim', neutralise(`      note: ${note}`))),
  ]
}
