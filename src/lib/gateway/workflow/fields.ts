import { isJsonObject, type JsonObject } from '../../mcp/index.js'
import type { LocalCaller } from '../local-link.js'
import { wrongArgument } from '../local-tool.js'
import type { StepCaller } from './contract.js'
import type { AgentSession, CallerBook, WorkflowDesk } from './desk.js'

export const TEXT = { type: 'string' } as const
export const COLLABORATION = { ...TEXT, description: 'The name of a shared context.' } as const
export const IDS = {
  workflow: { ...TEXT, description: 'What create_agent_workflow_session answered with' },
  agent: { ...TEXT, description: 'What create_agent_session answered with' },
} as const
const MAX_NAME_CHARS = 100

export function schemaOf(properties: JsonObject): JsonObject {
  return { type: 'object', required: ['success'], properties: { success: { type: 'boolean' }, error: TEXT, hint: TEXT, ...properties } }
}

export function bookFor(desk: WorkflowDesk, { access }: LocalCaller): CallerBook {
  return desk.bookOf(access.id)
}

/** Throws USAGE where there is no client that could call tools. */
export function requireCaller({ steps }: LocalCaller): StepCaller {
  if (steps === null) throw wrongArgument('steps can only be run by a client of the gateway')
  return steps
}

export function requireAgent({ agents }: CallerBook, id: string): AgentSession {
  const found = agents.get(id)
  if (found === undefined) throw wrongArgument(`there is no agent session "${id.slice(0, 80)}"`, 'It expired after half an hour without use, or the daemon was restarted; create_agent_session makes a new one.')
  return found
}

/** Null: it is not there. */
export function readOptional(args: JsonObject, name: string): string | null {
  const value = args[name]
  if (value === undefined || value === null || value === '') return null
  if (typeof value !== 'string') throw wrongArgument(`"${name}" has to be a text`)
  return value
}

/** `fallback` null: it has to be there. */
export function readName(args: JsonObject, field: string, fallback: string | null): string {
  const name = readOptional(args, field) ?? fallback
  if (name === null) throw wrongArgument(`"${field}" is needed`)
  if (name.length > MAX_NAME_CHARS) throw wrongArgument(`"${field}" is longer than ${MAX_NAME_CHARS} characters`)
  return name
}

export function readFlag(args: JsonObject, name: string): boolean {
  const value = args[name]
  if (value !== undefined && value !== null && typeof value !== 'boolean') throw wrongArgument(`"${name}" has to be true or false`)
  return value === true
}

export function readObject(value: unknown, name: string): JsonObject {
  if (!isJsonObject(value)) throw wrongArgument(`"${name}" has to be an object`)
  return value
}

export function readList(value: unknown, name: string, most: number): string[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value) || value.length > most || !value.every((each): each is string => typeof each === 'string' && each.length <= MAX_NAME_CHARS)) throw wrongArgument(`"${name}" has to be a list of up to ${most} texts of up to ${MAX_NAME_CHARS} characters`)
  return value
}
