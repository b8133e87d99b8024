/**
 * The markers of this process's own live children. Their pids cannot be reused before their exit has been seen, so a scan
 * of the process table need not read their environment: with 200 servers that is most of its cost.
 */
const markers = new Map<number, string>()

export function noteChild(pid: number, marker: string): void {
  markers.set(pid, marker)
}

export function forgetChild(pid: number): void {
  markers.delete(pid)
}

/** Undefined for everybody else's processes. */
export function childMarker(pid: number): string | undefined {
  return markers.get(pid)
}
