/** Lets everybody through while it is open; those who come while it is closed wait until it opens. */
export function createGate() {
  let waiting = null
  let release = () => undefined
  return {
    close: () => (waiting ??= new Promise((resolve) => (release = resolve))),
    open() {
      release()
      waiting = null
    },
    /** Resolves at once while it is open. */
    pass: async () => {
      while (waiting !== null) await waiting
    },
  }
}

/** Asks again and again until the answer is truthy, and resolves with it; null: it never was within the time. */
export async function until(condition, limitMs, pollMs = 100) {
  for (const deadline = performance.now() + limitMs; ;) {
    const answer = await condition()
    if (answer) return answer
    if (performance.now() > deadline) return null
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
}
