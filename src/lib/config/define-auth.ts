import type { Duration } from './define.js'
import type { RateConfig } from './define-traffic.js'

/*
 * What a configuration file can say about who may come in, and how we come in elsewhere, as its author sees it. Types only.
 */

/** What a caller may see and do. Default: everything, except to manage. */
export interface GrantConfig {
  /** Servers and groups by the names clients see. */
  servers?: string[] | string
  /** Tools by the names clients see; `*` stands for any text. */
  tools?: { allow?: string[] | string; deny?: string[] | string }
  /** Requests a minute, in place of `gateway.rate.caller`. */
  rate?: RateConfig
  /** The profile it is for: nothing else is let in with it. */
  profile?: string
  /** Whether the management tools may be used. */
  manage?: boolean
}

/** A key clients send as bearer token or `X-API-Key`: itself, or its SHA-256 as 64 hexadecimal digits. */
export type KeyConfig = GrantConfig & { /** A date: from then on it is refused. */ expires?: string } & ({ key: string; sha256?: never } | { sha256: string; key?: never })

export type JwtAlgorithmConfig = 'HS256' | 'HS384' | 'HS512' | 'RS256' | 'RS384' | 'RS512' | 'PS256' | 'ES256' | 'ES384' | 'EdDSA'

/** Whose JSON web tokens are let in: one of `secret`, `publicKey` (PEM) and `jwksUrl`. */
export interface JwtConfig extends GrantConfig {
  /** Default HS256 with a secret, else RS256 and ES256. */
  algorithms?: JwtAlgorithmConfig[] | JwtAlgorithmConfig
  secret?: string
  publicKey?: string
  jwksUrl?: string
  issuer?: string
  /** One of these has to be named. */
  audience?: string[] | string
  /** All of these are needed. */
  scopes?: string[] | string
  /** Tolerance for clocks. Default 30s. */
  leeway?: Duration
}

/** Who is let in over HTTP besides who has the token. */
export interface AuthConfig {
  keys?: Record<string, KeyConfig>
  jwt?: JwtConfig | JwtConfig[]
  /** The address clients use, as tokens name it. Default: what a request was sent to. */
  resource?: string
  /** Where clients get tokens. */
  authorizationServers?: string[] | string
}

/** Where the bearer token for a server comes from: it is there, in a file, in the keychain of the system, printed by a program, or fetched by OAuth 2.1. */
export type OutboundAuthConfig =
  | 'oauth'
  | { type: 'bearer'; token: string }
  | { type: 'bearer'; file: string }
  | { type: 'bearer'; keychain: string; account?: string }
  | { type: 'bearer'; command: string; args?: (string | number)[]; ttl?: Duration }
  | {
      type: 'oauth'
      /** Default authorization-code: a person agrees in a browser, with `mcpctl login`. */
      grant?: 'authorization-code' | 'client-credentials'
      clientId?: string
      clientSecret?: string
      scopes?: string[] | string
      authorizationServer?: string
      redirectPort?: number
      /** Default file. keychain: the file is sealed with a key in the keychain of the system. */
      store?: 'file' | 'keychain'
    }
