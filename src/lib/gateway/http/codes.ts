export const INVALID_REQUEST = -32600
export const INTERNAL_ERROR = -32603
/** 2026-07-28: a header is missing or says something else than the body. */
export const HEADER_MISMATCH = -32020
/** 2026-07-28: the version asked for is not spoken here. */
export const UNSUPPORTED_VERSION = -32022
