/** Passes each sentence on once. Beyond `max` different ones nothing is passed on: they are kept to be recognised. */
export function onlyOnce(tell: (text: string) => void, max: number): (text: string) => void {
  const told = new Set<string>()
  return (text) => {
    if (told.has(text) || told.size >= max) return
    told.add(text)
    tell(text)
  }
}
