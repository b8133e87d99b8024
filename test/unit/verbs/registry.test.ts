import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { JSON_FLAG, type Verb } from '../../../src/lib/cli/index.js'
import { SERVER_FIELDS } from '../../../src/lib/config/index.js'
import * as config from '../../../src/lib/config/index.js'
import { VERBS } from '../../../src/lib/verbs/registry.js'

const ROOT = resolve(import.meta.dirname, '../../..')
const COMMANDS = join(ROOT, 'src/commands')

interface OclifCommand {
  readonly summary: string
  readonly flags: Record<string, { type: string; char?: string; options?: string[] }>
  readonly args: Record<string, { required?: boolean }>
  readonly strict: boolean
}

const files = readdirSync(COMMANDS, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => relative(COMMANDS, join(entry.parentPath, entry.name)))
const verbs = await Promise.all(Object.entries(VERBS).map(async ([id, load]): Promise<[string, Verb]> => [id, await load()]))

describe('every command', () => {
  it('is in the registry, under the words of its verb, and has its file for oclif', () => {
    expect(verbs.map(([, verb]) => verb.id)).toEqual(Object.keys(VERBS))
    expect(files.map((file) => file.replace(/\.ts$/, '').replaceAll(/[\\/]/g, ' ')).sort()).toEqual(Object.keys(VERBS).sort())
  })

  it.each(verbs)('%s is the same for oclif and for the quick path', async (id, verb) => {
    const module = (await import(join(COMMANDS, `${id.replaceAll(' ', '/')}.ts`))) as { default: OclifCommand }
    const command = module.default
    expect(command.summary).toBe(verb.summary)
    expect(Object.keys(command.flags).sort()).toEqual([...Object.keys(verb.flags), 'json'].sort())
    for (const [name, flag] of Object.entries({ ...verb.flags, json: JSON_FLAG })) {
      const { type, char, options } = command.flags[name] ?? {}
      expect({ type, char, options }).toEqual({ type: flag.type === 'boolean' ? 'boolean' : 'option', char: flag.short, options: flag.options && [...flag.options] })
    }
    expect(command.strict).toBe(verb.names === undefined)
    expect(Object.values(command.args).map((arg) => arg.required === true)).toEqual(verb.names ? [verb.names.required] : [])
  })

  it.each(verbs)('%s has examples that its own flags allow', (id, verb) => {
    expect(verb.examples.length).toBeGreaterThan(0)
    for (const example of verb.examples) {
      expect(example.startsWith(id)).toBe(true)
      const flags = [...example.matchAll(/ --([a-z-]+)/g)].map((match) => match[1] ?? '')
      expect(flags.filter((flag) => flag !== 'json' && !Object.hasOwn(verb.flags, flag))).toEqual([])
    }
  })

  it.each(verbs)('%s has no short flag twice and says what each flag does', (_id, verb) => {
    const shorts = Object.values(verb.flags).flatMap((flag) => flag.short ?? [])
    expect(new Set(shorts).size).toBe(shorts.length)
    for (const { summary } of [verb, ...Object.values(verb.flags)]) expect(summary).toMatch(/^[A-Z].*\.$/s)
  })
})

interface DocsScript {
  renderPages(parts: { fields: unknown; gatewayFields: unknown; loadConfig: unknown; verbs: readonly Verb[]; jsonFlag: unknown }): Promise<{ file: string; text: string }[]>
}

describe('the reference', () => {
  const page = readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8')

  it('is what scripts/docs.mjs makes of fields and commands (run it when this fails)', async () => {
    const script = (await import(join(ROOT, 'scripts/docs.mjs'))) as DocsScript
    const pages = await script.renderPages({ fields: SERVER_FIELDS, gatewayFields: config.GATEWAY_FIELDS, loadConfig: config.loadConfig, verbs: verbs.map(([, verb]) => verb), jsonFlag: JSON_FLAG })
    expect(pages.map(({ file }) => relative(ROOT, file))).toEqual(['docs/configuration.md', 'docs/reference/commands.md'])
    for (const { file, text } of pages) expect(readFileSync(file, 'utf8')).toBe(text)
  })

  it('lists every place where a configuration is looked for, in order', () => {
    const listed = /the first of these that exists:\n(.*)\n/.exec(page)?.[1]?.match(/`[^`]+`/g)
    expect(listed).toEqual(config.SEARCH_PLACES.map((place) => `\`${place}\``))
  })

  it('lists every environment variable that is read, and only those', () => {
    const source = readFileSync(join(ROOT, 'src/lib/config/settings.ts'), 'utf8')
    const read = new Set([...source.matchAll(/'(MCP_[A-Z_]+)'/g)].map((match) => match[1]))
    const listed = [...page.matchAll(/^\| `(MCP_[A-Z_]+)` \|/gm)].map((match) => match[1])
    expect(listed.sort()).toEqual([...read].sort())
  })
})
