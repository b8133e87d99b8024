export type {
  EndpointSpec,
  Era,
  FleetSettings,
  HealthSpec,
  LaunchSpec,
  LimitsSpec,
  LogsSpec,
  RestartPolicy,
  RestartSpec,
  ServerSpec,
  Transport,
} from './spec.js'
