/** A daemon that nobody has used yet and nobody is connected to leaves after this. */
const ALONE_LIMIT_MS = 500

/** Whether anybody has asked this daemon for anything yet: a start that fails must leave no empty daemon behind. */
export interface Use {
  /** A configuration was applied or servers were asked for: it stays. */
  readonly onUsed: () => void
  /** The last client has left. It may only have looked in: the one that started this daemon gets a moment to come. */
  readonly onAlone: () => void
  readonly close: () => void
}

/** Calls `leave` when nothing was asked within `limitMs`, or soon after the last client left; never when `limitMs` is null. */
export function watchUse(limitMs: number | null, leave: () => void): Use {
  let isUsed = limitMs === null
  let timer = limitMs === null ? undefined : setTimeout(leave, limitMs)
  const close = (): void => clearTimeout(timer)
  return {
    onUsed() {
      isUsed = true
      close()
    },
    onAlone() {
      if (isUsed) return
      close()
      timer = setTimeout(leave, ALONE_LIMIT_MS)
    },
    close,
  }
}
