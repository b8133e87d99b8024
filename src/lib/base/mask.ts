import { findShapes, type Stretch } from './mask-shapes.js'

/** What stands in the place of a secret. */
export const MASK = '***'

/** Hides secrets in a text. `isCut`: it is the beginning of a longer one, whose end may have cut a secret in two. */
export type Mask = (text: string, isCut?: boolean) => string

/** Anything shorter stands in too many texts by chance, and protects nothing. */
const LEAST_CHARS = 6
/** Of a secret inside a longer text in base64, so many characters have to be the same. */
const LEAST_BASE64_CHARS = 8

/**
 * Makes a function that hides these values (from 6 characters on) wherever they stand, as they are, escaped for JSON,
 * encoded for a URL or in base64, and everything that looks like a secret (see `findShapes`). It finds all of them in
 * the text as it came, so secrets that overlap go as one. Linear in the length of the text.
 */
export function createMask(secrets: readonly string[]): Mask {
  const forms = [...new Set(secrets.filter((secret) => secret.length >= LEAST_CHARS).flatMap(formsOf))]
  return (text, isCut = false) => {
    const end = isCut ? cutEnd(text, forms) : text.length
    return hide(text.slice(0, end), [...findShapes(text, isCut), ...forms.flatMap((form) => findText(text, form))])
  }
}

/** How the value may be written. */
function formsOf(secret: string): string[] {
  const inJson = JSON.stringify(secret).slice(1, -1)
  const inUrl = encodeUrl(secret)
  return [
    secret,
    inJson,
    // JSON inside a string of JSON, as results of tools often are.
    JSON.stringify(inJson).slice(1, -1),
    inUrl,
    inUrl.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
    inUrl.replaceAll('%20', '+'),
    ...inBase64(Buffer.from(secret)),
  ]
}

/** Half a surrogate pair cannot be encoded; as UTF-8 it is a replacement character. */
function encodeUrl(text: string): string {
  return encodeURIComponent(Buffer.from(text).toString())
}

/** The characters of its base64 that do not depend on what stands before and behind it, at each of the three places it can begin. */
function inBase64(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64').replace(/=+$/, '')
    const from = shift === 0 ? 0 : shift + 1
    const to = (bytes.length + shift) % 3 === 0 ? encoded.length : encoded.length - 1
    const core = encoded.slice(from, to)
    return core.length < LEAST_BASE64_CHARS ? [] : [core, core.replaceAll('+', '-').replaceAll('/', '_')]
  })
}

/** Every place it stands, those that overlap as one. */
function findText(text: string, form: string): Stretch[] {
  const found: { start: number; end: number }[] = []
  let last = { start: -1, end: -1 }
  for (let at = text.indexOf(form); at >= 0; at = text.indexOf(form, at + 1)) {
    if (at > last.end) found.push((last = { start: at, end: at }))
    last.end = at + form.length
  }
  return found
}

/** Where the text has to end so that it does not end with the beginning of one of these. */
function cutEnd(text: string, forms: readonly string[]): number {
  let end = text.length
  for (const form of forms) {
    const first = form.charAt(0)
    for (let at = text.indexOf(first, Math.max(0, text.length - form.length + 1)); at >= 0 && at < end; at = text.indexOf(first, at + 1)) {
      if (form.startsWith(text.slice(at))) end = at
    }
  }
  return end
}

function hide(text: string, stretches: Stretch[]): string {
  let shown = ''
  let next = 0
  for (const { start, end } of stretches.sort((a, b) => a.start - b.start || b.end - a.end)) {
    if (start >= text.length) break
    if (end <= next) continue
    // What touches the stretch before it went with it.
    if (start > next || shown === '') shown += text.slice(next, start) + MASK
    next = end
  }
  return shown + text.slice(next)
}
