import type { Settings } from './settings.js'

/** A value given on the command line, with the flag that gave it (`--max-startup-time`). */
export interface Override<T> {
  readonly value: T
  readonly flag: string
}

/** Flags that change settings; they win over everything, over what a server states for itself too. */
export interface SettingsOverrides {
  readonly maxStartupTimeMs?: Override<number>
  readonly parallelStartup?: Override<boolean>
  readonly autoRestart?: Override<boolean>
  readonly healthCheckIntervalMs?: Override<number>
  readonly memoryLimitBytes?: Override<number>
  readonly cpuQuotaPercent?: Override<number>
}

/** A value and where it comes from: "flag --x", "environment MCP_X", a file, "default". */
export interface Sourced<T> {
  readonly value: T
  readonly origin: string
}

export function fromFlag<T>(override: Override<T> | undefined): Sourced<T> | undefined {
  return override && { value: override.value, origin: `flag ${override.flag}` }
}

/** The value of a variable when it was set; a default of the environment is nobody's statement. */
export function fromEnvironment<T>(settings: Settings, variable: string, value: T | undefined): Sourced<T> | undefined {
  return value !== undefined && settings.stated.has(variable) ? { value, origin: `environment ${variable}` } : undefined
}
