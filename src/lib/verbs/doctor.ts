import { createPaint, defineVerb, neutralise } from '../cli/index.js'
import { examine, type Finding } from './doctor-check.js'

const STYLES = { ok: 'green', warn: 'yellow', fail: 'red' } as const

export const doctor = defineVerb({
  id: 'doctor',
  summary: 'Check everything servers depend on here, with the way out of what is wrong.',
  description: 'Looks at Node, the home folder, the configuration, the daemon and its servers, what can hold limits on this machine, and open files. Starts no daemon. Exits 1 when something is wrong; warnings do not count.',
  examples: ['doctor', 'doctor --json'],
  flags: {},
  run: async (_input, io) => {
    const findings = await examine(io)
    const paint = createPaint(io.outTerminal.color)
    if (!io.json) for (const finding of findings) io.out(render(finding, paint))
    return { exitStatus: findings.some(({ state }) => state === 'fail') ? 1 : 0, json: { findings } }
  },
})

function render({ area, state, detail, fix }: Finding, paint: ReturnType<typeof createPaint>): string {
  const line = `${paint(STYLES[state], state.padEnd(4))}  ${area.padEnd(13)}  ${neutralise(detail)}`
  return fix === null ? line : `${line}\n${' '.repeat(21)}${paint('dim', 'fix:')} ${neutralise(fix)}`
}
