import type { Format } from './prometheus-text.js'

/**
 * Which of the two formats a client prefers by its `Accept` header (RFC 9110, section 12.5.1). Only who names OpenMetrics gets
 * it: browsers and curl get plain text, and so does who accepts neither, since a reader that cannot take it says so better itself.
 */
export function chooseFormat(accept: string | undefined): Format {
  let text = 0
  let openmetrics = 0
  for (const range of (accept ?? '').slice(0, 2000).toLowerCase().split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim())
    const quality = readQuality(parameters)
    if (type === 'application/openmetrics-text') openmetrics = Math.max(openmetrics, isKnownVersion(parameters) ? quality : 0)
    else if (type === 'text/plain') text = Math.max(text, quality)
  }
  return openmetrics > 0 && openmetrics >= text ? 'openmetrics' : 'text'
}

function readQuality(parameters: readonly string[]): number {
  const stated = parameters.find((parameter) => parameter.startsWith('q='))
  const quality = stated === undefined ? 1 : Number(stated.slice(2))
  return quality >= 0 && quality <= 1 ? quality : 0
}

/** 0.0.1 was the draft; what changed since then is not used here. */
function isKnownVersion(parameters: readonly string[]): boolean {
  const stated = parameters.find((parameter) => parameter.startsWith('version='))?.slice('version='.length).replaceAll('"', '')
  return stated === undefined || stated === '1.0.0' || stated === '0.0.1'
}
