import type { Alert, MemorySaved } from '../core/index.js'
import { sample } from './prometheus-series.js'
import type { Family, Sample } from './prometheus-text.js'
import type { DaemonView, PrometheusView } from './prometheus-view.js'

type Figure = readonly [name: string, type: 'gauge' | 'counter', help: string, value: number | null]

/** What is known of the daemon, of its clients, and of what it thinks a person should look at. */
export function* daemonFamilies({ daemon, sessions, saved, alerts }: PrometheusView): Generator<Family> {
  yield { name: 'mcpctl_build_info', type: 'info', help: 'Versions of mcpctl and of the Node.js it runs on.', samples: [sample(1, ['version', daemon.version], ['node', daemon.node])] }
  for (const [name, type, help, value] of [...ownFigures(daemon), ...savedFigures(saved)]) {
    if (value !== null) yield { name, type, help, samples: [sample(value)] }
  }
  yield { name: 'mcpctl_sessions', type: 'gauge', help: 'Sessions of clients by the door they came through and the generation of their protocol.', samples: sessions.map(({ door, era, count }) => sample(count, ['door', door], ['era', era])) }
  yield { name: 'mcpctl_alert', type: 'gauge', help: 'What a person should look at, by kind, level and server: 1 as long as it holds. mcpctl status and mcpctl why tell more.', samples: alertLines(alerts) }
  yield { name: 'mcpctl_alerts', type: 'gauge', help: 'How many of those there are.', samples: (['warning', 'critical'] as const).map((level) => sample(alerts.filter((alert) => alert.level === level).length, ['level', level])) }
}

function ownFigures({ startedAt, cpuSeconds, residentBytes, heapBytes, openDescriptors, loopDelay }: DaemonView): readonly Figure[] {
  return [
    ['mcpctl_daemon_start_time_seconds', 'gauge', 'When the daemon started, as seconds since 1970.', startedAt / 1000],
    ['mcpctl_daemon_cpu_seconds_total', 'counter', 'Processor time of the daemon itself.', cpuSeconds],
    ['mcpctl_daemon_resident_memory_bytes', 'gauge', 'Memory of the daemon itself.', residentBytes],
    ['mcpctl_daemon_heap_bytes', 'gauge', 'Of that, objects of its JavaScript.', heapBytes],
    ['mcpctl_daemon_open_fds', 'gauge', 'Open file descriptors of the daemon.', openDescriptors],
    ['mcpctl_daemon_event_loop_delay_seconds', 'gauge', 'How long the daemon let a timer wait since the figures were last asked for, on the mean.', loopDelay?.meanSeconds ?? null],
    ['mcpctl_daemon_event_loop_delay_max_seconds', 'gauge', 'The longest of these waits.', loopDelay?.maxSeconds ?? null],
  ]
}

function savedFigures({ instances, memoryBytes, instancesOtherwise, memoryOtherwiseBytes, savedBytes }: MemorySaved): readonly Figure[] {
  return [
    ['mcpctl_instances', 'gauge', 'Process trees of servers that run.', instances],
    ['mcpctl_instances_unshared', 'gauge', 'Process trees that would run if every session had its own.', instancesOtherwise],
    ['mcpctl_memory_bytes', 'gauge', 'Memory of the process trees that run.', memoryBytes],
    ['mcpctl_memory_unshared_bytes', 'gauge', 'Memory they would use if every session had its own.', memoryOtherwiseBytes],
    ['mcpctl_memory_saved_bytes', 'gauge', 'Memory that sharing saves.', savedBytes],
  ]
}

/** One line for each kind and server, however many sentences there are; the worse level counts. */
function alertLines(alerts: readonly Alert[]): Sample[] {
  const lines = new Map<string, Alert>()
  for (const alert of alerts) {
    const key = JSON.stringify([alert.kind, alert.server])
    if (lines.get(key)?.level !== 'critical') lines.set(key, alert)
  }
  return [...lines.values()].map(({ kind, level, server }) => sample(1, ['kind', kind], ['level', level], ['server', server ?? '']))
}
