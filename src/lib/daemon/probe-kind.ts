/** One way to ask a server whether it works. At most one question is under way; its owner cancels it in the end. */
export interface Probe {
  /** The outcome comes later, never from inside, and not at all when the question is cancelled or nothing ever answers it. */
  ask(): void
  cancel(): void
  /** Asks the same in other words, for a server that may not know the first ones. */
  rephrase?(): void
}

/** Null: it works. Otherwise what is wrong, a clause for people. */
export type ProbeEnd = (failure: string | null) => void

/** A probe that starts something anew for every question. `start` returns how to break it off; what it reports after its first word is not heard. */
export function createRepeatedProbe(start: (end: ProbeEnd) => () => void, onEnd: ProbeEnd): Probe {
  let breakOff: (() => void) | null = null
  const cancel = (): void => {
    const stop = breakOff
    breakOff = null
    stop?.()
  }
  return {
    cancel,
    ask() {
      cancel()
      const stop = start((failure) => {
        if (breakOff !== stop) return
        breakOff = null
        onEnd(failure)
      })
      breakOff = stop
    },
  }
}
