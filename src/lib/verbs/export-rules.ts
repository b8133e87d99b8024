/** One alert as Prometheus evaluates it. */
export interface AlertRule {
  readonly alert: string
  readonly expr: string
  readonly for: string
  readonly labels: { readonly severity: 'warning' | 'critical' }
  readonly annotations: { readonly summary: string; readonly description: string }
}

/** The name Prometheus files the daemon under. */
export const JOB = 'mcpctl'

const ASKED = 'mcpctl_server_requests_total{outcome!="cancelled"}[5m]'
const FAILED = 'mcpctl_server_requests_total{outcome=~"failed|error|lost"}[5m]'
const SERVER = '{{ $labels.server }}'

/** Thresholds are a beginning: whoever knows the servers sets their own in the file. */
export const ALERT_RULES: readonly AlertRule[] = [
  rule('McpctlDaemonDown', ['critical', '1m'], `up{job="${JOB}"} == 0`,
    ['mcpctl at {{ $labels.instance }} does not answer', 'The daemon is gone, its port is taken, or the token of the scrape is wrong. Look at: mcpctl daemon status']),
  rule('McpctlServerFailed', ['critical', '0m'], 'mcpctl_server_phase{phase="failed"} == 1',
    [`MCP server ${SERVER} has failed`, `It ended too often and is not started again by itself. Look at: mcpctl why ${SERVER}`]),
  rule('McpctlServerDown', ['critical', '2m'], 'mcpctl_server_wanted == 1 unless mcpctl_server_ready == 1',
    [`MCP server ${SERVER} takes no requests`, `It is meant to run. Look at: mcpctl why ${SERVER}`]),
  rule('McpctlServerRestarting', ['warning', '0m'], 'increase(mcpctl_server_restarts_total[10m]) >= 3',
    [`MCP server ${SERVER} is restarted again and again`, `About {{ $value | humanize }} restarts in ten minutes. Look at: mcpctl why ${SERVER} --all`]),
  rule('McpctlErrorRate', ['warning', '2m'],
    `sum by (job, instance, server) (rate(${FAILED})) / sum by (job, instance, server) (rate(${ASKED})) > 0.1 and sum by (job, instance, server) (increase(${ASKED})) >= 20`,
    [`{{ $value | humanizePercentage }} of the requests for MCP server ${SERVER} fail`, `Of at least 20 requests in five minutes. Look at: mcpctl logs ${SERVER}`]),
  rule('McpctlBreakerOpen', ['warning', '1m'], 'mcpctl_breaker_state > 0',
    [`Calls of MCP server ${SERVER} are stopped`, `They failed, so it is left alone and tried now and then. Look at: mcpctl why ${SERVER}`]),
  rule('McpctlSlow', ['warning', '10m'],
    'histogram_quantile(0.95, sum by (job, instance, server, le) (rate(mcpctl_server_request_duration_seconds_bucket[5m]))) > 5',
    [`MCP server ${SERVER} answers slowly`, 'One request in twenty takes longer than {{ $value | humanizeDuration }}.']),
  rule('McpctlMemoryNearLimit', ['warning', '2m'], 'mcpctl_server_memory_bytes / mcpctl_server_memory_limit_bytes > 0.9',
    [`MCP server ${SERVER} uses {{ $value | humanizePercentage }} of its memory limit`, `Above the limit it is ended and started again. Raise limits.memory of ${SERVER}, or find out what fills it.`]),
  rule('McpctlNotice', ['warning', '5m'], 'mcpctl_alert{kind=~"hung|leak|cpu-held|config|log|limits"} == 1',
    ['mcpctl reports: {{ $labels.kind }} {{ $labels.server }}', 'mcpctl itself found this. Look at: mcpctl status']),
  rule('McpctlDaemonSlow', ['warning', '5m'], 'mcpctl_daemon_event_loop_delay_max_seconds > 1',
    ['mcpctl at {{ $labels.instance }} is held up', 'Its event loop stood still for {{ $value | humanizeDuration }}: the machine is overloaded, or answers are very large.']),
]

function rule(alert: string, [severity, holdsFor]: [AlertRule['labels']['severity'], string], expr: string, [summary, description]: [string, string]): AlertRule {
  return { alert, expr, for: holdsFor, labels: { severity }, annotations: { summary, description } }
}
