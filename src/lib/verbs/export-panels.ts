/** One query of a panel; `legend` names its lines. */
export interface Query {
  readonly expr: string
  readonly legend: string
}

/** One box of the dashboard. Units are Grafana's words for them. */
export type Panel =
  | { readonly kind: 'row'; readonly title: string }
  | { readonly kind: 'stat'; readonly title: string; readonly expr: string; readonly unit: string; readonly warnAbove?: number; readonly about?: string }
  | { readonly kind: 'lines'; readonly title: string; readonly queries: readonly Query[]; readonly unit: string; readonly about?: string }
  | { readonly kind: 'states'; readonly title: string; readonly expr: string }
  | { readonly kind: 'bars'; readonly title: string; readonly expr: string; readonly legend: string; readonly unit: string }

const WHERE = 'instance=~"$instance"'
const OF = `${WHERE}, server=~"$server"`
const RATE = '$__rate_interval'
const BY = 'sum by (server)'
const FAILURES = 'outcome=~"failed|error|lost"'
const BUCKETS = `mcpctl_server_request_duration_seconds_bucket{${OF}}[${RATE}]`

export const PANELS: readonly Panel[] = [
  { kind: 'row', title: 'Now' },
  { kind: 'stat', title: 'Servers ready', expr: `sum(mcpctl_server_ready{${OF}})`, unit: 'none' },
  { kind: 'stat', title: 'Wanted, not ready', expr: `sum(mcpctl_server_wanted{${OF}}) - sum(mcpctl_server_wanted{${OF}} * mcpctl_server_ready{${OF}})`, unit: 'none', warnAbove: 0 },
  { kind: 'stat', title: 'Alerts', expr: `sum(mcpctl_alerts{${WHERE}})`, unit: 'none', warnAbove: 0 },
  { kind: 'stat', title: 'Sessions', expr: `sum(mcpctl_sessions{${WHERE}})`, unit: 'none' },
  { kind: 'stat', title: 'Requests', expr: `sum(rate(mcpctl_server_requests_total{${OF}}[${RATE}]))`, unit: 'reqps' },
  { kind: 'stat', title: 'p95', expr: `histogram_quantile(0.95, sum by (le) (rate(${BUCKETS})))`, unit: 's' },
  { kind: 'stat', title: 'Memory', expr: `sum(mcpctl_memory_bytes{${WHERE}})`, unit: 'bytes' },
  { kind: 'stat', title: 'Memory saved', expr: `sum(mcpctl_memory_saved_bytes{${WHERE}})`, unit: 'bytes', about: 'What the servers would use more if every session had processes of its own.' },
  { kind: 'states', title: 'Ready', expr: `mcpctl_server_ready{${OF}}` },
  { kind: 'row', title: 'Requests' },
  { kind: 'lines', title: 'Requests by server', queries: [{ expr: `${BY} (rate(mcpctl_server_requests_total{${OF}}[${RATE}]))`, legend: '{{server}}' }], unit: 'reqps' },
  { kind: 'lines', title: 'Not ok, by server and outcome', queries: [{ expr: `sum by (server, outcome) (rate(mcpctl_server_requests_total{${OF}, outcome!="ok"}[${RATE}])) > 0`, legend: '{{server}} {{outcome}}' }], unit: 'reqps' },
  { kind: 'lines', title: 'Share of errors', queries: [{ expr: `${BY} (rate(mcpctl_server_requests_total{${OF}, ${FAILURES}}[${RATE}])) / ${BY} (rate(mcpctl_server_requests_total{${OF}, outcome!="cancelled"}[${RATE}]))`, legend: '{{server}}' }], unit: 'percentunit' },
  { kind: 'lines', title: 'Duration, p50 and p95', queries: [0.5, 0.95].map((share) => ({ expr: `histogram_quantile(${String(share)}, sum by (server, le) (rate(${BUCKETS})))`, legend: `{{server}} p${String(share * 100)}` })), unit: 's' },
  { kind: 'lines', title: 'In flight', queries: [{ expr: `${BY} (mcpctl_server_requests_in_flight{${OF}})`, legend: '{{server}}' }], unit: 'none' },
  { kind: 'lines', title: 'Bytes in and out', queries: [{ expr: `${BY} (rate(mcpctl_server_request_bytes_total{${OF}}[${RATE}]))`, legend: '{{server}} in' }, { expr: `${BY} (rate(mcpctl_server_response_bytes_total{${OF}}[${RATE}]))`, legend: '{{server}} out' }], unit: 'Bps' },
  { kind: 'bars', title: 'Most used tools', expr: `topk(10, sum by (server, tool) (rate(mcpctl_tool_requests_total{${OF}}[$__range])))`, legend: '{{server}} {{tool}}', unit: 'reqps' },
  { kind: 'bars', title: 'Slowest tools, mean', expr: `topk(10, sum by (server, tool) (rate(mcpctl_tool_request_duration_seconds_sum{${OF}}[$__range])) / sum by (server, tool) (rate(mcpctl_tool_request_duration_seconds_count{${OF}}[$__range])) >= 0)`, legend: '{{server}} {{tool}}', unit: 's' },
  { kind: 'row', title: 'Processes' },
  { kind: 'lines', title: 'Memory', queries: [{ expr: `mcpctl_server_memory_bytes{${OF}}`, legend: '{{server}}' }], unit: 'bytes' },
  { kind: 'lines', title: 'Memory, share of the limit', queries: [{ expr: `mcpctl_server_memory_bytes{${OF}} / mcpctl_server_memory_limit_bytes{${OF}}`, legend: '{{server}}' }], unit: 'percentunit', about: 'Servers without a limit are not shown.' },
  { kind: 'lines', title: 'Processor, 1 is one core', queries: [{ expr: `rate(mcpctl_server_cpu_seconds_total{${OF}}[${RATE}])`, legend: '{{server}}' }], unit: 'none' },
  { kind: 'lines', title: 'Restarts', queries: [{ expr: `increase(mcpctl_server_restarts_total{${OF}}[${RATE}])`, legend: '{{server}}' }], unit: 'none' },
  { kind: 'lines', title: 'Processes', queries: [{ expr: `mcpctl_server_processes{${OF}}`, legend: '{{server}}' }], unit: 'none' },
  { kind: 'lines', title: 'Process trees, shared and otherwise', queries: [{ expr: `mcpctl_instances{${WHERE}}`, legend: 'running' }, { expr: `mcpctl_instances_unshared{${WHERE}}`, legend: 'one for each session' }], unit: 'none' },
  { kind: 'row', title: 'The daemon itself' },
  { kind: 'lines', title: 'Memory', queries: [{ expr: `mcpctl_daemon_resident_memory_bytes{${WHERE}}`, legend: '{{instance}}' }], unit: 'bytes' },
  { kind: 'lines', title: 'Processor, 1 is one core', queries: [{ expr: `rate(mcpctl_daemon_cpu_seconds_total{${WHERE}}[${RATE}])`, legend: '{{instance}}' }], unit: 'none' },
  { kind: 'lines', title: 'Delay of the event loop', queries: [{ expr: `mcpctl_daemon_event_loop_delay_seconds{${WHERE}}`, legend: 'mean' }, { expr: `mcpctl_daemon_event_loop_delay_max_seconds{${WHERE}}`, legend: 'longest' }], unit: 's' },
  { kind: 'lines', title: 'Open file descriptors', queries: [{ expr: `mcpctl_daemon_open_fds{${WHERE}}`, legend: '{{instance}}' }], unit: 'none' },
]
