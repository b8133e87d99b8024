import type { Dossier } from './dossier.js'

/** How much of each part is kept; each row less than the one before it. */
const SIZES = [
  { lines: 40, lineChars: 2048, frames: 16, headChars: 512, textChars: 4096 },
  { lines: 40, lineChars: 800, frames: 16, headChars: 512, textChars: 2048 },
  { lines: 40, lineChars: 300, frames: 16, headChars: 200, textChars: 1024 },
  { lines: 20, lineChars: 150, frames: 8, headChars: 100, textChars: 512 },
  { lines: 10, lineChars: 80, frames: 4, headChars: 80, textChars: 256 },
] as const
const MAX_CALLS = 16
const METHOD_CHARS = 100

/**
 * The dossier as the text of its file: at most `maxBytes` (at least 16 KiB). Where that is too much, lines and messages
 * become shorter first and fewer then; the newest stay. Control characters take six bytes each in JSON, so no count of
 * characters alone would do.
 */
export function fitDossier(dossier: Dossier, maxBytes: number): string {
  let text = ''
  for (const size of SIZES) {
    text = `${JSON.stringify(shorten(dossier, size))}\n`
    if (Buffer.byteLength(text) <= maxBytes) break
  }
  return text
}

function shorten(dossier: Dossier, size: (typeof SIZES)[number]): Dossier {
  const { verdict } = dossier
  return {
    ...dossier,
    source: cut(dossier.source, 4096),
    reason: cut(dossier.reason, size.textChars),
    lastErrors: dossier.lastErrors.slice(-size.lines).map((line) => cut(line, size.lineChars)),
    lastFrames: dossier.lastFrames.slice(-size.frames).map((frame) => ({ ...frame, head: cut(frame.head, size.headChars) })),
    inFlight: dossier.inFlight.slice(0, MAX_CALLS).map((call) => ({ ...call, method: cut(call.method, METHOD_CHARS) })),
    verdict: { ...verdict, reason: cut(verdict.reason, size.textChars), restartedAt: verdict.restartedAt.slice(-100) },
  }
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`
}
