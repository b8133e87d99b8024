/** The `code` of a failed system call, if it is one. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

const FAILURES: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file', ENOTDIR: 'a part of the path is a file, not a folder', EACCES: 'permission denied', EPERM: 'operation not permitted',
  EISDIR: 'it is a folder, not a file', ELOOP: 'its symbolic links go in a circle', ENAMETOOLONG: 'the path is too long',
}

/** Why a file could not be used, in words. */
export function describeFailure(error: unknown): string {
  const code = errorCode(error)
  return (code !== undefined && FAILURES[code]) || (error instanceof Error ? error.message : String(error))
}
