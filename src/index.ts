export { defineConfig } from './lib/config/define.js'
export type {
  Cpu,
  Duration,
  GatewayConfig,
  HealthConfig,
  HelperServer,
  Limit,
  LimitsConfig,
  LocalHttpServer,
  McpctlConfig,
  McpctlConfigExport,
  MetricsConfig,
  ProbeConfig,
  ProfileConfig,
  RemoteServer,
  RestartConfig,
  RootConfig,
  ServerConfig,
  ServerDefaults,
  Size,
  StdioServer,
  TimeoutsConfig,
  ToolsConfig,
} from './lib/config/define.js'
export type { BreakerConfig, CacheConfig, ConcurrencyConfig, GatewayTrafficConfig, GroupConfig, RateConfig, StrategyConfig } from './lib/config/define-traffic.js'
export type { AuthConfig, GrantConfig, JwtConfig, KeyConfig, OutboundAuthConfig } from './lib/config/define-auth.js'
export { createGateway, createSupervisor } from './lib/library/index.js'
export type { CallOptions, ChangeListener, Gateway, GatewayOptions, ListenOptions, ServerStatus, Supervisor, SupervisorOptions, Tool, ToolResult, WaitOptions } from './lib/library/index.js'
