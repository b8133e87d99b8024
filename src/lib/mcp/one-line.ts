const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20

/** A JSON text in one line, as it is passed on. Line breaks can only stand between the tokens of valid JSON, where a blank says the same. */
export function toOneLine(text: Buffer): Buffer {
  if (!text.includes(LF) && !text.includes(CR)) return text
  const line = Buffer.from(text)
  for (let at = 0; at < line.length; at++) if (line[at] === LF || line[at] === CR) line[at] = SPACE
  return line
}
