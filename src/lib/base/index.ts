export { formatBytes, readBytes } from './bytes.js'
export { formatDuration, readDuration } from './duration.js'
export { nearest } from './nearest.js'
export { Ring } from './ring.js'
