import { STAND_IN_MARK, VARIANT_MARK } from '../core/index.js'
import { OWN_MARK } from './server-name.js'

/**
 * The environment marker of one instance. A marker knows letters, digits and `: . _ -` only, and no name of a
 * configuration holds a colon: so what stands in for the signs of our own names can be mistaken for nothing else.
 */
export function markerOf(prefix: string, name: string, generation: number): string {
  return `${prefix}${name.replaceAll(OWN_MARK, ':own:').replaceAll(STAND_IN_MARK, ':next:').replaceAll(VARIANT_MARK, ':of:')}:${generation}`
}
