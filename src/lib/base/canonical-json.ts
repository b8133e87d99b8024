/**
 * One text for everything that is equal as JSON: members sorted by their names' UTF-16 code units, no white space, numbers
 * and strings as ECMAScript writes them (RFC 8785, JSON Canonicalization Scheme). Members that are undefined are left out.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(sortMembers(value)) ?? 'null'
}

/** The same value with the members of every object in the order of their names; also of use where people read it. */
export function sortMembers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortMembers)
  if (typeof value !== 'object' || value === null) return value
  // No prototype: a member may be named `__proto__`.
  const sorted = Object.create(null) as Record<string, unknown>
  const members = value as Readonly<Record<string, unknown>>
  for (const name of Object.keys(members).sort()) sorted[name] = sortMembers(members[name])
  return sorted
}
