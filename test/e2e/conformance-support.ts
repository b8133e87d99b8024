import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { installFolder } from '../helpers/install.js'
import { ensureNode } from '../helpers/node-matrix.js'

const folder = fileURLToPath(new URL('../conformance', import.meta.url))

export interface Difference {
  readonly check: string
  readonly direct: string
  readonly through: string
}

/** One run of the official suite, as test/conformance/run.mjs tells it. */
export interface Report {
  readonly name: string
  readonly revision: string
  /** Scenarios the revision requires. */
  readonly scored: { readonly passed: number; readonly total: number }
  readonly checks: { readonly passed: number; readonly failed: number; readonly warnings: number }
  readonly failingRequired: readonly string[]
  /** Differences from the run without mcpctl that allow.json does not name. */
  readonly unexpected?: readonly Difference[]
  /** Entries of allow.json that nothing matches any more. */
  readonly stale?: readonly Difference[]
  readonly failed?: readonly { readonly scenario: string; readonly id: string; readonly status: string; readonly message: string | null }[]
}

/** Installs the suite unless it is installed. False when there is no Node new enough for it on this system. Give `beforeAll` five minutes. */
export async function ensureSuite(): Promise<boolean> {
  await installFolder(folder)
  return Number.parseInt(process.versions.node, 10) >= 22 || (await ensureNode(24)) !== null
}

/** Runs the suite; failing checks are in the reports. Rejects when it could not be run. */
export async function runSuite(mode: 'server' | 'client', args: readonly string[] = []): Promise<Report[]> {
  const result = await execa(process.execPath, [`${folder}/run.mjs`, mode, '--json', ...args], { stdin: 'ignore', timeout: 180_000, reject: false })
  const document = result.stdout.split('\n').find((line) => line.startsWith('{"reports":'))
  if (document === undefined) throw new Error(`the conformance suite could not be run (${result.exitCode}):\n${result.stdout}\n${result.stderr}`)
  return (JSON.parse(document) as { reports: Report[] }).reports
}

export function reportOf(reports: readonly Report[], name: string): Report {
  const report = reports.find((candidate) => candidate.name === name)
  if (!report) throw new Error(`there is no report "${name}", only ${reports.map((candidate) => candidate.name).join('; ')}`)
  return report
}
