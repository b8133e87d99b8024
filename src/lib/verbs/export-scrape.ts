import { ALERT_RULES, JOB } from './export-rules.js'

/** Where the page of figures is, as Prometheus is told. */
export interface ScrapeTarget {
  readonly scheme: 'http' | 'https'
  /** Host and port. */
  readonly address: string
  readonly path: string
  /** A bearer token is asked for. */
  readonly needsToken: boolean
}

export const RULES_FILE = 'mcpctl-rules.yml'
export const TOKEN_FILE = 'mcpctl.token'

/** A whole `prometheus.yml`. The token itself is in none of the files: they may be shared. */
export async function writeScrapeConfig({ scheme, address, path, needsToken }: ScrapeTarget): Promise<string> {
  const { stringify } = await import('yaml')
  const head = [
    '# Written by mcpctl export monitoring. To use it as it is: prometheus --config.file=prometheus.yml',
    '# To add it to a Prometheus you have: take over the entries of rule_files and scrape_configs.',
    ...(needsToken ? [`# The gateway asks for its token. Put it into the file ${TOKEN_FILE} beside this one, readable for Prometheus alone.`] : []),
  ]
  return `${head.join('\n')}\n${stringify({
    global: { scrape_interval: '15s', evaluation_interval: '15s' },
    rule_files: [RULES_FILE],
    scrape_configs: [{
      job_name: JOB, scheme, metrics_path: path,
      ...(needsToken ? { authorization: { type: 'Bearer', credentials_file: TOKEN_FILE } } : {}),
      static_configs: [{ targets: [address] }],
    }],
  }, { lineWidth: 0 })}`
}

/** The alert rules as a file for `rule_files`. */
export async function writeRules(): Promise<string> {
  const { stringify } = await import('yaml')
  return `# Written by mcpctl export monitoring. Thresholds are a beginning: change them to what is usual for your servers.\n${stringify({ groups: [{ name: JOB, rules: ALERT_RULES }] }, { lineWidth: 0 })}`
}
