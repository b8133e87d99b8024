export { defineConfig } from './lib/config/define.js'
export type {
  Cpu,
  Duration,
  HelperServer,
  LocalHttpServer,
  McpctlConfig,
  McpctlConfigExport,
  RemoteServer,
  RestartConfig,
  ServerConfig,
  ServerDefaults,
  Size,
  StdioServer,
} from './lib/config/define.js'
