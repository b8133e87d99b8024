import type { Underway } from './contract.js'

/** Begins something when `wait` says so, perhaps at once. Taken back before that, it never begins, and `onTakenBack` is called. */
export function startLater(wait: (begin: () => void) => () => void, start: () => Underway, onTakenBack: () => void): Underway {
  let begun: Underway | null = null
  const stopWaiting = wait(() => { begun = start() })
  return {
    abort: (reason) => {
      stopWaiting()
      if (begun === null) onTakenBack()
      else begun.abort(reason)
    },
  }
}
