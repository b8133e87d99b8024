export type { StepCaller, StepResult } from './contract.js'
export { createWorkflowLink } from './link.js'
export { otherBlocks, textOf, valueOf } from './result-value.js'
export type { StepEnd } from './workflow.js'
