export { findCycle, withDependencies } from './dependency.js'
export { describeEnd, describeExit, type EndCause, type ExitStatus, type InstanceEnd } from './end.js'
export type { Circumstance, Effect, InstanceEvent, ServerEvent, Step } from './event.js'
export { createFleet, findConflicts, stepFleet, type Fleet, type FleetEntry, type FleetEvent, type FleetStep, type Moment } from './fleet.js'
export {
  DEFAULT_GATEWAY,
  DEFAULT_TRAFFIC,
  type ClientAbility,
  type GatewaySettings,
  type Isolation,
  type PrefixMode,
  type ProfileSpec,
  type RootSpec,
  type ToolSpec,
  type TrafficSpec,
} from './gateway-spec.js'
export { createIdleState, transition } from './lifecycle.js'
export { decideRestart, NO_HISTORY, type RestartHistory, type RestartVerdict } from './restart.js'
export type { DaemonSnapshot, ServerDetail, ServerSnapshot, Snapshot } from './snapshot.js'
export {
  isSameSpec,
  type EndpointSpec,
  type Era,
  type FleetSettings,
  type HealthSpec,
  type LaunchSpec,
  type LimitsSpec,
  type LogsSpec,
  type RestartPolicy,
  type RestartSpec,
  type ServerSpec,
  type SessionClient,
  type Transport,
} from './spec.js'
export { isActive, type Blocker, type Phase, type ServerState } from './state.js'
