import { explain, showDuration, type ExplainedValue } from './explain.js'
import { originOf, type Layers } from './layer.js'
import type { StatedEntry, StatedFields } from './server-entry.js'
import type { Sourced } from './setting-override.js'

export interface Choice<T> {
  readonly flag?: Sourced<T> | undefined
  readonly environment?: Sourced<T> | undefined
  readonly get: (values: StatedFields) => T | undefined
  readonly fallback: T
}

/** Chooses values of one server and writes down where each came from. */
export class Knobs {
  readonly #layers: Layers
  readonly #explained: ExplainedValue[]

  constructor(layers: Layers, explained: ExplainedValue[]) {
    this.#layers = layers
    this.#explained = explained
  }

  pick<T>({ flag, environment, get, fallback }: Choice<T>): Sourced<T> {
    const { entry } = this.#layers
    const own = get(entry.values)
    const stated = flag ?? (own === undefined ? environment : { value: own, origin: originOf(entry, false) })
    return stated ?? this.default(get) ?? { value: fallback, origin: 'default' }
  }

  own<T>(get: (values: StatedFields) => T | undefined): Sourced<T> | undefined {
    const value = get(this.#layers.entry.values)
    return value === undefined ? undefined : { value, origin: originOf(this.#layers.entry, false) }
  }

  default<T>(get: (values: StatedFields) => T | undefined): Sourced<T> | undefined {
    for (const layer of this.#layers.defaults) {
      const value = get(layer.values)
      if (value !== undefined) return { value, origin: originOf(layer, true) }
    }
    return undefined
  }

  say(field: string, sourced: Sourced<ExplainedValue['value']>): void {
    this.#explained.push(explain(field, sourced))
  }

  plain<T extends string | number | boolean>(field: string, choice: Choice<T>): T {
    const picked = this.pick(choice)
    this.say(field, picked)
    return picked.value
  }

  duration(field: string, choice: Choice<number>): number {
    const picked = this.pick(choice)
    this.say(field, { ...picked, value: showDuration(picked.value) })
    return picked.value
  }

  /** A time that may be null: never. */
  limit(field: string, choice: Choice<number | null>): number | null {
    const picked = this.pick(choice)
    this.say(field, { ...picked, value: picked.value === null ? 'never' : showDuration(picked.value) })
    return picked.value
  }

  /** The layer a value comes from, which is the entry or one of the defaults; undefined when nobody states it. */
  layerOf(get: (values: StatedFields) => unknown): StatedEntry | undefined {
    return [this.#layers.entry, ...this.#layers.defaults].find(({ values }) => get(values) !== undefined)
  }

  list(field: string, get: (values: StatedFields) => string[] | undefined): string[] {
    const picked = this.pick({ get, fallback: [] })
    this.say(field, picked)
    return picked.value
  }
}
