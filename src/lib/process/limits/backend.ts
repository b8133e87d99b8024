import { isUnlimited, type LimitsSpec } from '../../core/index.js'
import { McpctlError } from '../../errors/index.js'
import { LaunchError, readErrorCode, toLaunchError } from '../launch-error.js'
import { Group } from './group.js'
import { reasonOf, type KernelSource } from './kernel-source.js'
import { Ticker } from './ticker.js'
import { TreeWatch } from './tree-watch.js'
import type { BackendName, LimitAbilities, LimitGroup, LimitsBackend } from './types.js'

/** Fast enough that an out-of-memory kill is seen within 200 ms. */
const LOOK_MS = 150
/** Nothing is wrong with the backend then, and another one could not help. */
const EXHAUSTED: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN'])

export interface Choice {
  readonly name: BackendName
  readonly kernel: KernelSource | null
  /** Whether processes can be given a limit of their own. */
  readonly rlimit: boolean
  readonly refused: LimitsBackend['refused']
  readonly notes: readonly string[]
  /** Called when everything is taken down; `clean` false: groups were left that did not end. */
  readonly onClosed: (clean: boolean) => void
}

/** The backend that was chosen, with all its groups. */
export class Backend implements LimitsBackend {
  readonly name: BackendName
  readonly abilities: LimitAbilities
  readonly refused: LimitsBackend['refused']
  readonly notes: readonly string[]
  trouble: string | null = null
  readonly #choice: Choice
  readonly #ticker = new Ticker(LOOK_MS)
  readonly #trees = new TreeWatch()
  readonly #groups = new Set<LimitGroup>()
  #clean = true

  constructor(choice: Choice) {
    this.#choice = choice
    this.name = choice.name
    this.abilities = abilitiesOf(choice)
    this.refused = choice.refused
    this.notes = choice.notes
  }

  open(id: string, limits: LimitsSpec): LimitGroup | null {
    if (!/^[A-Za-z0-9._-]{1,150}$/.test(id)) throw new McpctlError('INTERNAL', `${JSON.stringify(id)} cannot be the name of a group of limits`)
    if (isUnlimited(limits)) return null
    const { memoryBytes, required } = limits
    if (required === true && memoryBytes !== undefined && this.abilities.memory !== 'tree') throw this.#unavailable()
    if (this.name === 'none') return null
    const group = this.#make(id, limits)
    this.#groups.add(group)
    return group
  }

  async close(): Promise<void> {
    await Promise.all([...this.#groups].map((group) => group.release()))
    this.#choice.kernel?.close()
    this.#choice.onClosed(this.#clean)
  }

  #make(id: string, limits: LimitsSpec): LimitGroup {
    const { kernel } = this.#choice
    this.trouble = null
    try {
      return this.#assemble(limits, kernel === null ? null : { group: kernel.make(id, limits), name: kernel.name }, null)
    } catch (error) {
      if (EXHAUSTED.has(readErrorCode(error) ?? '')) throw toLaunchError(error, 'the group of its limits', '/')
      this.trouble = `${this.name} failed: ${reasonOf(error)}`
      if (limits.required === true) {
        throw new LaunchError('limits-failed', `its limits could not be set: ${this.trouble}`, {
          hint: 'See `mcpctl doctor`; without `limits.required` it would start with weaker limits.', details: { backend: this.name }, cause: error,
        })
      }
      return this.#assemble(limits, null, `${this.trouble}; its limits are held by looking at its processes`)
    }
  }

  #assemble(limits: LimitsSpec, made: { group: ReturnType<KernelSource['make']>; name: BackendName } | null, note: string | null): LimitGroup {
    const { rlimit } = this.#choice
    return new Group({
      limits,
      note,
      rlimit,
      kernel: made?.group ?? null,
      backend: made?.name ?? (rlimit ? 'rlimit' : 'poll'),
      ticker: this.#ticker,
      trees: this.#trees,
      onReleased: (group, removed) => {
        this.#groups.delete(group)
        if (!removed) this.#clean = false
      },
    })
  }

  #unavailable(): LaunchError {
    const why = this.refused.map(({ name, why }) => `${name}: ${why}`).join('; ')
    return new LaunchError('limits-unavailable', `its memory limit is required to hold for all its processes together, which the backend ${this.name} cannot do`, {
      hint: `Remove \`limits.required\`, or make a stronger backend possible (${why === '' ? 'MCP_LIMITS_BACKEND keeps it from being used' : why}).`,
      details: { backend: this.name, memory: this.abilities.memory },
    })
  }
}

function abilitiesOf({ name, kernel, rlimit }: Choice): LimitAbilities {
  if (name === 'none') return { memory: 'none', cpu: 'none', pids: 'none', kill: 'group', live: true }
  const holds = kernel?.holds
  return {
    memory: holds?.has('memory') ? 'tree' : rlimit ? 'process' : 'polled',
    // Elsewhere the CPU time of a tree cannot be read often enough.
    cpu: holds?.has('cpu') ? 'quota' : process.platform === 'linux' ? 'duty' : 'none',
    pids: holds?.has('pids') ? 'tree' : 'polled',
    kill: kernel?.kill ?? 'group',
    live: kernel !== null || !rlimit,
  }
}
