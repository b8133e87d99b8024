import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** `locked`: it gives and takes nothing; `broken`: there is nobody to talk to; `hangs`: it waits for a person. */
export type KeychainMood = 'open' | 'locked' | 'broken' | 'hangs'

/** A folder for PATH with programs that do what those of the systems do. */
export interface StandInKeychain {
  readonly folder: string
  /** What it holds, by what it is found by. */
  items(): Record<string, string>
  put(key: string, secret: string): void
  mood(mood: KeychainMood): void
  /** The command lines of all runs, one each. */
  calls(): string[]
}

const COMMON = `
const fs = require('node:fs'), path = require('node:path')
const file = path.join(__dirname, 'items.json')
const items = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : {}
const save = () => fs.writeFileSync(file, JSON.stringify(items))
const mood = fs.existsSync(path.join(__dirname, 'mood')) ? fs.readFileSync(path.join(__dirname, 'mood'), 'utf8') : 'open'
const args = process.argv.slice(2)
fs.appendFileSync(path.join(__dirname, 'calls'), args.join(' ') + '\\n')
const end = (status, said = '') => { if (said) process.stderr.write(said + '\\n'); process.exit(status) }
if (mood === 'hangs') { setInterval(() => undefined, 1000); return }
const find = (keys) => Object.keys(items).find((key) => keys.every((each) => key.split('|').includes(each)))
`

/** GNOME/libsecret, tool/secret-tool.c: attributes in pairs; the secret is all of standard input, and is printed as it is. */
const SECRET_TOOL = `
if (mood === 'broken') end(1, 'secret-tool: Cannot autolaunch D-Bus without X11 $DISPLAY')
const [verb, ...rest] = args
const label = rest.find((each) => each.startsWith('--label='))
const pairs = rest.filter((each) => each !== label)
if (pairs.length === 0 || pairs.length % 2 !== 0) end(2, 'secret-tool: must specify attributes and values in pairs')
const keys = pairs.flatMap((each, index) => (index % 2 === 0 ? [each + '=' + pairs[index + 1]] : []))
if (verb === 'lookup') {
  const key = mood === 'locked' ? undefined : find(keys)
  if (key === undefined) end(1)
  process.stdout.write(items[key])
} else if (verb === 'store') {
  if (label === undefined) end(2, 'secret-tool: must specify a label for the new item')
  if (mood === 'locked') end(1, 'secret-tool: The prompt was dismissed')
  items[keys.join('|')] = fs.readFileSync(0, 'utf8')
  save()
} else if (verb === 'clear') {
  const key = find(keys)
  if (key === undefined || mood === 'locked') end(1)
  delete items[key]
  save()
} else end(2, 'usage: secret-tool store --label=label attribute value ...')
`

/** macOS: status 44 for what is not there, 36 without anybody to ask; \`-i\` reads lines of up to 4095 bytes, and takes what is left of a longer one for another command. */
const SECURITY = `
const run = (words) => {
  const [verb, ...rest] = words
  const option = (name) => (rest.includes(name) ? rest[rest.indexOf(name) + 1] : undefined)
  const keys = [['service', option('-s')], ['account', option('-a')]].flatMap(([name, value]) => (value === undefined ? [] : [name + '=' + value]))
  if (!['find-generic-password', 'add-generic-password', 'delete-generic-password'].includes(verb)) { process.stderr.write('security: unknown command "' + verb + '"\\n'); return 1 }
  if (mood !== 'open') { process.stderr.write('security: SecKeychainItemCopyContent: User interaction is not allowed.\\n'); return 36 }
  const key = find(keys)
  if (verb === 'add-generic-password') {
    if (key !== undefined && !rest.includes('-U')) return 45
    items[key ?? keys.join('|')] = option('-w')
    save()
    return 0
  }
  if (key === undefined) { process.stderr.write('security: SecKeychainSearchCopyNext: The specified item could not be found in the keychain.\\n'); return 44 }
  if (verb === 'delete-generic-password') { delete items[key]; save() } else process.stdout.write(items[key] + '\\n')
  return 0
}
const take = (line) => [...line.matchAll(/"((?:[^"\\\\\\\\]|\\\\\\\\.)*)"|(\\\\S+)/g)].map(([, quoted, plain]) => plain ?? quoted.replace(/\\\\\\\\(.)/g, '$1'))
if (args[0] !== '-i') process.exit(run(args))
let status = 0
for (const line of fs.readFileSync(0, 'utf8').split('\\n')) for (let at = 0; at < line.length; at += 4095) status = run(take(line.slice(at, at + 4095)))
process.exit(status)
`.replaceAll('\\\\\\\\', '\\\\').replaceAll('\\\\S', '\\S')

export function makeKeychain(folder: string): StandInKeychain {
  const write = (name: string, text: string): void => {
    writeFileSync(join(folder, name), `#!${process.execPath}\n;(() => {${COMMON}${text}})()\n`)
    chmodSync(join(folder, name), 0o755)
  }
  write('secret-tool', SECRET_TOOL)
  write('security', SECURITY)
  const file = join(folder, 'items.json')
  const items = (): Record<string, string> => (existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>) : {})
  return {
    folder,
    items,
    put: (key, secret) => { writeFileSync(file, JSON.stringify({ ...items(), [key]: secret })) },
    mood: (mood) => { writeFileSync(join(folder, 'mood'), mood) },
    calls: () => (existsSync(join(folder, 'calls')) ? readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n') : []),
  }
}
