/** Whoever asks while it is being made, or so soon after, gets the same one; then it is forgotten, a failure at once. */
export function shareFor<T>(freshMs: number, make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null
  return () => {
    if (made !== null) return made
    const making = make()
    made = making
    making.then(() => { setTimeout(() => { made = null }, freshMs).unref() }, () => { made = null })
    return making
  }
}
