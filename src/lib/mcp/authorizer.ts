/** Headers of a request; the same object as long as they are the same. */
export type HeaderSet = Readonly<Record<string, string>>

/** A request that a server did not let in. */
export interface AccessRefusal {
  readonly status: number
  /** Its `WWW-Authenticate` header. */
  readonly challenge: string | null
  /** What the request carried. */
  readonly headers: HeaderSet
}

/** Where the credentials of requests come from that do not stay as they are, such as a token that runs out. */
export interface Authorizer {
  /** What a person can do when the server refuses them. */
  readonly hint: string
  /** For the next request. At once when there is something in hand; throws or rejects with LinkError when nothing can be had. */
  headers(): HeaderSet | Promise<HeaderSet>
  /** True: there is something new now, worth another attempt. Rejects with LinkError when it knows better than the server what is wrong. */
  refused(refusal: AccessRefusal): Promise<boolean>
}
