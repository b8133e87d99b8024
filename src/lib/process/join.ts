import type { Readable } from 'node:stream'

const LARGEST_REPORT = 4096
const LONGEST_WAIT_MS = 10_000
/** What a launcher writes when everything is in place. */
export const READY = 'ok\n'

/** Waits for a launcher's report. Null: it is ready. Otherwise what it said before the descriptor closed, or until 10 s were over. */
export function readJoinReport(report: Readable): Promise<string | null> {
  return new Promise((resolve) => {
    let text = ''
    const finish = (result: string | null): void => {
      clearTimeout(timer)
      report.removeAllListeners()
      report.on('error', () => undefined).destroy()
      resolve(result)
    }
    const timer = setTimeout(() => finish(text), LONGEST_WAIT_MS)
    report.on('error', () => finish(text))
    report.on('end', () => finish(text))
    report.on('close', () => finish(text))
    report.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      if (text === READY) finish(null)
      else if (text.length > LARGEST_REPORT) finish(text)
    })
  })
}
