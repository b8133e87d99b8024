export { balance, latencyAt, NO_MEMORY, noteLatency, type Balance, type BalanceMember, type BalanceMemory, type BalanceOptions, type Latency } from './balance.js'
export { judgeAlerts, type AlertFacts, type ServerAlertFacts } from './alert.js'
export {
  admissionOf, admit, createBreaker, elapse, judge, nextChangeAt, renew, switchOff, toBreakerSnapshot, tryNow,
  type Admission, type BreakerMoment, type BreakerState, type BreakerVerdict, type FailureClass,
} from './breaker.js'
export { findCycle, withDependencies } from './dependency.js'
export { describeEnd, describeExit, type Breach, type BreachCause, type EndCause, type ExitStatus, type InstanceEnd } from './end.js'
export type { Circumstance, Effect, InstanceEvent, ServerEvent, Step } from './event.js'
export { createFleet, findConflicts, stepFleet, type Fleet, type FleetEntry, type FleetEvent, type FleetStep, type Moment, type SwapEffect } from './fleet.js'
export {
  DEFAULT_BREAKER,
  DEFAULT_GATEWAY,
  DEFAULT_TRAFFIC,
  FULL_GRANT,
  VARIANT_MARK,
  writtenName,
  type AuthSettings,
  type BreakerSpec,
  type CacheSpec,
  type ClientAbility,
  type ConcurrencySpec,
  type GatewaySettings,
  type GrantSpec,
  type Isolation,
  type JwtAlgorithm,
  type JwtSpec,
  type KeySpec,
  type ManagementSettings,
  type MembershipSpec,
  type MonitoringSettings,
  type PrefixMode,
  type ProfileSpec,
  type RateSpec,
  type RootSpec,
  type Strategy,
  type ToolSpec,
  type TrafficSpec,
} from './gateway-spec.js'
export { createHealthMemory, judgeHealth, type HealthFacts, type HealthMemory, type HealthVerdict, type Judgement, type ProbeOutcome, type ProcessVitals } from './health.js'
export { describeMetrics, type HealthDocument, type HealthStatus } from './health-document.js'
export { createIdleState, transition } from './lifecycle.js'
export type { Alert, AlertKind, GateMetrics, GateServerMetrics, History, MemorySaved, MetricsSnapshot, ServerMetrics, SessionMetrics, ToolFigures, TrafficFigures } from './metrics.js'
export { FULL_BUCKET, takeToken, waitForToken } from './rate.js'
export { planReload, type ReloadAction, type ReloadStep } from './reload-plan.js'
export { STAND_IN_MARK, type StandIn } from './replacement.js'
export { CALLS_FAIL, decideRestart, mayReplace, NO_HISTORY, type RestartHistory, type RestartVerdict } from './restart.js'
export type { BreakerSnapshot, ConfigSnapshot, DaemonSnapshot, LimitsBackendSnapshot, LimitsSnapshot, ServerDetail, ServerSnapshot, Snapshot } from './snapshot.js'
export { diffSpecs, type SpecDiff } from './spec-diff.js'
export type {
  EndpointSpec,
  Era,
  FleetSettings,
  HealthSpec,
  LaunchSpec,
  LimitsSpec,
  LogsSpec,
  OutboundAuthSpec,
  PoolSpec,
  ProbeSpec,
  ReplaceMode,
  RestartPolicy,
  RestartSpec,
  ServerSpec,
  SessionClient,
  Transport,
} from './spec.js'
export { isUnlimited } from './spec.js'
export { isActive, type Blocker, type Phase, type ServerState } from './state.js'
export { MAX_TRACED_BYTES, type TraceEvent, type TraceKind, type TracedMessage } from './trace.js'
export { canonicalDefinition, describeHeld, describeHidden, pinnedPart, scanDefinition, type HiddenFinding } from './pin.js'
export type { DefinitionKind, HeldDefinition, PinSpec } from './pin-spec.js'
