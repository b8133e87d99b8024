const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const COMMA = 0x2c
/** Strings of this length are walked through; a search that leaves JavaScript pays off only for longer ones. */
const NEAR_BYTES = 64

/** The place of the next byte that is no blank, from `at` on. */
export function skipBlank(bytes: Buffer, at: number, end: number): number {
  let place = at
  while (place < end && (bytes[place] ?? 0) <= 0x20) place++
  return place
}

/** The place of the last byte before `at` that is no blank; `start - 1` when there is none. */
export function skipBlankBack(bytes: Buffer, at: number, start: number): number {
  let place = at
  while (place >= start && (bytes[place] ?? 0) <= 0x20) place--
  return place
}

/** `at` is an opening quote: the place after the closing one, or -1 when the string does not end before `end`. */
export function skipString(bytes: Buffer, at: number, end: number): number {
  let place = at + 1
  for (;;) {
    const near = Math.min(end, place + NEAR_BYTES)
    for (; place < near; place++) {
      const byte = bytes[place]
      if (byte === QUOTE) return place + 1
      if (byte === BACKSLASH) place++
    }
    if (place >= end) return -1
    const quote = bytes.indexOf(QUOTE, place)
    if (quote < 0 || quote >= end) return -1
    let escapes = quote
    while (escapes > place && bytes[escapes - 1] === BACKSLASH) escapes--
    if ((quote - escapes) % 2 === 0) return quote + 1
    // Text that holds JSON has a quote every few bytes: walk on for a while.
    place = quote + 1
  }
}

/** The place after the JSON value that begins at `at`, or -1 when it does not end before `end`. Trusts the JSON to be well formed. */
export function skipValue(bytes: Buffer, at: number, end: number): number {
  const first = bytes[at]
  if (first === QUOTE) return skipString(bytes, at, end)
  if (first === OPEN_OBJECT || first === OPEN_LIST) return skipNested(bytes, at, end)
  let place = at
  while (place < end) {
    const byte = bytes[place] ?? 0
    if (byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_LIST || byte <= 0x20) return place
    place++
  }
  return -1
}

function skipNested(bytes: Buffer, at: number, end: number): number {
  let depth = 0
  let place = at
  while (place < end) {
    const byte = bytes[place]
    if (byte === QUOTE) {
      place = skipString(bytes, place, end)
      if (place < 0) return -1
      continue
    }
    if (byte === OPEN_OBJECT || byte === OPEN_LIST) depth++
    else if ((byte === CLOSE_OBJECT || byte === CLOSE_LIST) && --depth === 0) return place + 1
    place++
  }
  return -1
}
