import type { MembershipSpec, Strategy } from '../core/index.js'
import { group, type Stated } from './field-group.js'
import { choice, integer, list, mapOf, reject, word, type Kind } from './kind.js'
import { textOf, type Schema } from './schema-part.js'
import { describeWrongName, NAME } from './server-name.js'

/** What an entry of `groups` can say, as read. */
export interface GroupFields {
  members: string[]
  strategy: Strategy
  sticky: MembershipSpec['sticky']
  weights: Record<string, number>
}

/** A name that stands in place of a server's. */
export const serverGroupName: Kind<string> = {
  name: 'text',
  accepts: 'a name of letters, digits, ".", "_" and "-", as servers have',
  schema: textOf(NAME.source),
  read: (value, spot) => (typeof value === 'string' && describeWrongName(value) === undefined ? value : reject(value, spot, serverGroupName.accepts)),
}

/** More processes of one server than this are a mistake. */
export const MAX_INSTANCES = 32

export const instances = integer(1, MAX_INSTANCES)

export const memberPriority = integer(0, 1_000_000)

const MAX_WEIGHT = 1000

export const memberWeight: Kind<number> = {
  name: 'integer',
  accepts: `a number above 0 and at most ${MAX_WEIGHT}`,
  schema: { type: 'number', exclusiveMinimum: 0, maximum: MAX_WEIGHT },
  read: (value, spot) => (typeof value === 'number' && value > 0 && value <= MAX_WEIGHT ? value : reject(value, spot, memberWeight.accepts)),
}

const STRATEGIES: readonly Strategy[] = ['priority', 'round-robin', 'least-pending', 'weighted', 'random', 'latency']

export const memberNames = list(word, 'a list of server names or an object with members', { orSingle: true })

export const groupFields = group<GroupFields>('a list of server names, or an object with members, strategy, sticky and weights', {
  members: { kind: list(word, 'a server name or a list of them', { orSingle: true }), summary: 'Servers, the most wanted first.' },
  strategy: { kind: choice(STRATEGIES), summary: 'How calls are shared out.' },
  sticky: { kind: choice<MembershipSpec['sticky']>(['none', 'session']), summary: 'session: a client session stays with one member.' },
  weights: { kind: mapOf(memberWeight, 'an object of server names and numbers', { pattern: NAME, wrong: 'is not a possible server name' }), summary: 'Shares of the calls, with strategy weighted.' },
})

/** A group for editors. */
export const GROUP_SCHEMA: Schema = { anyOf: [memberNames.schema, groupFields.schema] }

export type StatedGroupFields = Stated<GroupFields>
