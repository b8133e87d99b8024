import type { RequestId } from '../mcp/index.js'

/** The id of a client's request. A bigint is a whole number that a double does not hold: it has to come back as it was. */
export type ClientId = RequestId | bigint

/** The id as JSON text. */
export function idText(id: ClientId | null): string {
  return typeof id === 'bigint' ? id.toString() : JSON.stringify(id)
}
