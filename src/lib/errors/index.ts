export { ERROR_CODES, type ErrorCode } from './code.js'
export { asMcpctlError, fromErrorDocument, McpctlError, toErrorDocument, type ErrorDocument, type ErrorParts } from './error.js'
