import { createPaint, defineVerb, neutralise } from '../cli/index.js'
import { McpctlError } from '../errors/index.js'
import { examine } from './doctor-check.js'
import { count, type Finding } from './doctor-finding.js'

const STYLES = { ok: 'green', warn: 'yellow', fail: 'red' } as const
const INDENT = 21

export const doctor = defineVerb({
  id: 'doctor',
  summary: 'Check everything servers depend on here, with the way out of what is wrong.',
  description:
    'Looks at Node, the home folder and what killed daemons left in it, disk and clock, the configuration, the PATH servers get against that of your login shell (which is run for that), their programs, what npx and its like cost, the daemon and its servers, what these tell models (see mcpctl lock), ports, what can hold limits on this machine, open files, processes that look like servers other clients left behind, clients that still run servers of their own, and telemetry. Starts no daemon and changes nothing; --fix takes the ways out that are safe: permissions, and files and processes that a killed daemon of mcpctl left. Exits 1 when something is wrong; warnings do not count.',
  examples: ['doctor', 'doctor files', 'doctor --fix --dry-run', 'doctor --json'],
  names: { summary: 'Servers to look at; all when none is named.', required: false },
  flags: {
    fix: { type: 'boolean', summary: 'Take the ways out that are safe, and say which were taken.' },
    'dry-run': { type: 'boolean', short: 'n', summary: 'With --fix: only say what would be done.' },
  },
  run: async ({ names, flags }, io) => {
    if (flags['dry-run'] === true && flags.fix !== true) throw new McpctlError('USAGE', 'doctor: --dry-run only means something together with --fix', { hint: 'mcpctl doctor --fix --dry-run' })
    const found = await examine(io, names)
    const results = flags.fix === true ? await repair(found, flags['dry-run'] === true) : found.map((finding): Result => ({ finding, fixed: null, done: null }))
    const paint = createPaint(io.outTerminal.color)
    if (!io.json) io.out([...results.map((result) => render(result, paint)), '', summarise(results)].join('\n'))
    return { exitStatus: results.some(({ finding, fixed }) => finding.state === 'fail' && fixed !== true) ? 1 : 0, json: { findings: results.map(toJson) } }
  },
})

interface Result {
  readonly finding: Finding
  /** Null: nothing was tried. */
  readonly fixed: boolean | null
  /** What was done, would be done, or why it failed. */
  readonly done: string | null
}

/** One after the other: the same way out may end several findings. */
async function repair(found: readonly Finding[], isDryRun: boolean): Promise<Result[]> {
  const results: Result[] = []
  for (const finding of found) {
    if (finding.repair === null) results.push({ finding, fixed: null, done: null })
    else if (isDryRun) results.push({ finding, fixed: null, done: `would be done: ${finding.repair.does}` })
    else results.push(await apply(finding, finding.repair))
  }
  return results
}

async function apply(finding: Finding, way: NonNullable<Finding['repair']>): Promise<Result> {
  try {
    await way.apply()
    return { finding, fixed: true, done: `fixed: ${way.does}` }
  } catch (error) {
    return { finding, fixed: false, done: `not fixed: ${error instanceof Error ? error.message : String(error)}` }
  }
}

function toJson({ finding: { area, state, detail, fix, server }, fixed, done }: Result): Record<string, unknown> {
  return { area, state, detail, fix, server, ...(done === null ? {} : { fixed: fixed === true, done }) }
}

function render({ finding: { area, state, detail, fix }, fixed, done }: Result, paint: ReturnType<typeof createPaint>): string {
  const [first = '', ...more] = detail.split('\n').map(neutralise)
  const lines = [`${paint(STYLES[state], state.padEnd(4))}  ${area.padEnd(13)}  ${first}`, ...more.map((line) => `${' '.repeat(INDENT)}${line}`)]
  if (done !== null) lines.push(`${' '.repeat(INDENT)}${paint(fixed === true ? 'green' : 'yellow', neutralise(done))}`)
  if (fix !== null && fixed !== true) lines.push(`${' '.repeat(INDENT)}${paint('dim', 'fix:')} ${neutralise(fix)}`)
  return lines.join('\n')
}

function summarise(results: readonly Result[]): string {
  const open = results.filter(({ fixed }) => fixed !== true)
  const failures = open.filter(({ finding }) => finding.state === 'fail').length
  const warnings = open.filter(({ finding }) => finding.state === 'warn').length
  const fixed = results.length - open.length
  const rest = [...(fixed === 0 ? [] : [`${fixed} fixed`]), ...(failures === 0 ? [] : [count(failures, 'failure')]), ...(warnings === 0 ? [] : [count(warnings, 'warning')])]
  return rest.length === 0 ? 'all is well' : rest.join(', ')
}
