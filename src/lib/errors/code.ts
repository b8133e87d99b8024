/**
 * Every error mcpctl reports on purpose: its exit status and what it means. Codes are part of the contract:
 * never renamed, never reused (docs/reference/errors.md lists them; a test keeps the two equal).
 */
export const ERROR_CODES = {
  USAGE: { exit: 2, meaning: 'The command line is not understood: unknown flag, missing or wrong argument.' },
  UNKNOWN_COMMAND: { exit: 127, meaning: 'There is no such command.' },
  CONFIG_NOT_FOUND: { exit: 5, meaning: 'No configuration file was found where one was looked for.' },
  CONFIG_UNREADABLE: { exit: 5, meaning: 'The configuration file exists but cannot be read.' },
  CONFIG_SYNTAX: { exit: 5, meaning: 'The configuration file is not valid in its format.' },
  CONFIG_EVALUATION: { exit: 5, meaning: 'A configuration file that is code threw, exported nothing useful or did not finish.' },
  CONFIG_INVALID: { exit: 5, meaning: 'The configuration is well formed but says something impossible.' },
  CONFIG_CONFLICT: { exit: 5, meaning: 'Two configuration files define a server of the same name.' },
  ENVIRONMENT_INVALID: { exit: 5, meaning: 'An MCP_* environment variable has a value that cannot be used.' },
  SERVER_UNKNOWN: { exit: 4, meaning: 'There is no server of that name.' },
  TOOL_UNKNOWN: { exit: 4, meaning: 'The server has no tool of that name.' },
  NOT_RUNNING: { exit: 3, meaning: 'The daemon, or a server that was asked about, is not running or not ready.' },
  DAEMON_UNREACHABLE: { exit: 6, meaning: 'The daemon does not answer.' },
  DAEMON_INCOMPATIBLE: { exit: 6, meaning: 'The running daemon speaks another version of the control protocol.' },
  DAEMON_START_FAILED: { exit: 6, meaning: 'The daemon could not be started.' },
  HOME_UNUSABLE: { exit: 6, meaning: 'The folder for sockets, PID files, logs or state cannot be used.' },
  SERVER_FAILED: { exit: 1, meaning: 'At least one server did not reach the wanted state.' },
  CALL_FAILED: { exit: 1, meaning: 'A server answered a request with an error, or not in a way that can be used.' },
  LOGIN_FAILED: { exit: 1, meaning: 'Logging in to a server did not work; what was there before is unchanged.' },
  TIMEOUT: { exit: 7, meaning: 'The wanted state was not reached in the time given.' },
  FILE_CHANGED: { exit: 1, meaning: 'A file of another program was changed by somebody else since it was looked at or written; it was left as it is.' },
  FILE_UNWRITABLE: { exit: 1, meaning: 'A file that was to be changed cannot be written; nothing was changed.' },
  INTERRUPTED: { exit: 130, meaning: 'The command was interrupted from the keyboard.' },
  INTERNAL: { exit: 1, meaning: 'A defect in mcpctl.' },
} as const satisfies Record<string, { exit: number; meaning: string }>

export type ErrorCode = keyof typeof ERROR_CODES
