import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addStep, beginStep, chooseStep, EMPTY, endStep, fillStep, MAX_STEPS, nextStep, putStep, sizeOf, statusOf, type StepEnd, type StepOutcome, type Workflow } from '../../../src/lib/gateway/workflow/workflow.js'

const NO_CONTEXT = () => ({ why: 'none' })
const NEVER = { force: false, isRepeatable: () => false }
const AT = { now: 2, room: 1e9 }
const plan = (name: string | null, args: Record<string, unknown> = {}, tool = 'do') => ({ name, tool, arguments: args })
const done = (value: unknown): StepEnd => ({ type: 'done', value })
const failed = (outcome: StepOutcome): StepEnd => ({ type: 'failed', error: 'no', reason: null, outcome, retryAfterMs: null })
const ran = (workflow: Workflow, name: string, end: StepEnd): Workflow => {
  const step = workflow.steps.find((each) => each.name === name)
  if (step === undefined) throw new Error(name)
  return endStep(beginStep(workflow, step, 1), name, end, AT)
}
const three = ['a', 'b', 'c'].reduce((workflow, name) => addStep(workflow, plan(name)), EMPTY)

describe('a workflow', () => {
  it('runs its steps in order, and is done after the last', () => {
    let workflow = three
    expect(statusOf(EMPTY)).toBe('empty')
    for (const name of ['a', 'b', 'c']) {
      expect([statusOf(workflow), nextStep(workflow)?.name, chooseStep(workflow, null, NEVER).name]).toEqual(['pending', name, name])
      workflow = ran(workflow, name, done(name))
    }
    expect(statusOf(workflow)).toBe('done')
    expect(() => chooseStep(workflow, null, NEVER)).toThrow(/all steps are done/)
    expect(() => chooseStep(EMPTY, null, NEVER)).toThrow(/has no steps/)
    expect(() => chooseStep(workflow, 'd', NEVER)).toThrow(/there is no step "d"/)
  })

  it.each<[StepOutcome, boolean]>([['not-delivered', true], ['unknown', false], ['answered', false]])('stays at a step that failed, which can be run again by itself when it was %s: %s', (outcome, may) => {
    const workflow = ran(three, 'a', failed(outcome))
    expect([statusOf(workflow), nextStep(workflow)?.name]).toEqual(['failed', 'a'])
    if (may) expect(chooseStep(workflow, null, NEVER).name).toBe('a')
    else expect(() => chooseStep(workflow, null, NEVER)).toThrow(outcome === 'answered' ? /was answered with an error/ : /may have been carried out/)
    expect(chooseStep(workflow, null, { ...NEVER, force: true }).name).toBe('a')
    expect(chooseStep(workflow, null, { ...NEVER, isRepeatable: (tool) => tool === 'do' }).name).toBe('a')
    expect(chooseStep(workflow, 'b', NEVER).name).toBe('b')
  })

  it('does not run a step twice that is done, unless that does no harm', () => {
    const workflow = ran(three, 'a', done(1))
    expect(() => chooseStep(workflow, 'a', NEVER)).toThrow(/step "a" is done/)
    expect(chooseStep(workflow, 'a', { ...NEVER, isRepeatable: () => true }).name).toBe('a')
    const again = ran(workflow, 'a', done(2))
    expect(again.steps[0]).toMatchObject({ attempts: 2, state: { value: 2 } })
  })

  it('runs one step at a time', () => {
    const [first] = three.steps
    const workflow = beginStep(three, first ?? three.steps[0]!, 1)
    expect(statusOf(workflow)).toBe('running')
    for (const name of [null, 'a', 'b']) expect(() => chooseStep(workflow, name, { force: true, isRepeatable: () => true })).toThrow(/step "a" is running/)
  })

  it('hands results on: of the step before in the list, and of any by name', () => {
    let workflow = addStep(addStep(addStep(EMPTY, plan('a')), plan(null, { id: '{{previous_result.id}}', all: '{{steps.a}}' })), plan('c', { x: '{{previous_result}}', y: '{{context.k}}' }))
    const [a, second, c] = workflow.steps
    expect(second?.name).toBe('step2')
    expect(() => fillStep(workflow, second!, NO_CONTEXT)).toThrow(/step "a" was not run yet/)
    expect(() => fillStep({ steps: [second!] }, second!, NO_CONTEXT)).toThrow(/no step comes before/)
    workflow = ran(workflow, a!.name, done({ id: 5 }))
    expect(fillStep(workflow, workflow.steps[1]!, NO_CONTEXT)).toEqual({ id: 5, all: { id: 5 } })
    workflow = ran(workflow, 'step2', failed('unknown'))
    expect(() => fillStep(workflow, c!, NO_CONTEXT)).toThrow(/step "step2" failed/)
    workflow = ran(workflow, 'step2', done('text'))
    expect(fillStep(workflow, workflow.steps[2]!, () => ({ value: [1] }))).toEqual({ x: 'text', y: [1] })
  })

  it('lets a step be put right in its place as long as it never reached its tool', () => {
    const right = plan('b', { x: 1 }, 'right')
    for (const workflow of [three, ran(three, 'b', failed('not-delivered'))]) {
      const mended = putStep(workflow, right)
      expect(mended.steps.map(({ name, tool, state }) => [name, tool, state.status])).toEqual([['a', 'do', 'pending'], ['b', 'right', 'pending'], ['c', 'do', 'pending']])
    }
    for (const end of [done(1), failed('unknown'), failed('answered')]) expect(() => putStep(ran(three, 'b', end), right)).toThrow(/"b" already/)
    expect(() => putStep(three, plan('b', { x: 'x'.repeat(70_000) }))).toThrow(/longer than/)
    expect(putStep(three, plan(null)).steps).toHaveLength(4)
  })

  it('does not keep what is too long, and says so to who asks for it', () => {
    const long = addStep(ran(addStep(EMPTY, plan('a')), 'a', done('x'.repeat(300_000))), plan('b', { x: '{{previous_result}}' }))
    expect(long.steps[0]?.state).toMatchObject({ status: 'done', isKept: false, value: null })
    expect(() => fillStep(long, long.steps[1]!, NO_CONTEXT)).toThrow(/too long to be kept/)
    const [step] = three.steps
    expect(endStep(beginStep(three, step!, 1), 'a', done('xx'), { now: 2, room: 3 }).steps[0]?.state).toMatchObject({ isKept: false })
  })

  it('has bounds', () => {
    let workflow = EMPTY
    for (let at = 0; at < MAX_STEPS; at++) workflow = addStep(workflow, plan(null))
    expect(() => addStep(workflow, plan(null))).toThrow(/64 steps at most/)
    expect(() => addStep(three, plan('a'))).toThrow(/"a" already/)
    for (const name of ['', 'two words', 'x'.repeat(65), 'a.b']) expect(() => addStep(three, plan(name)), name).toThrow(/letters, digits/)
    expect(() => addStep(three, plan('d', { x: 'x'.repeat(70_000) }))).toThrow(/longer than 65536/)
    let wide = EMPTY
    expect(() => { for (let at = 0; at < MAX_STEPS; at++) wide = addStep(wide, plan(null, { x: 'x'.repeat(60_000) })) }).toThrow(/together/)
  })

  it('never holds more than it may, never has two steps running, and never runs again what may have happened', () => {
    const command = fc.record({ name: fc.constantFrom(null, 'a', 'b', 'c'), force: fc.boolean(), end: fc.constantFrom<StepEnd>(done({ n: 1 }), done('x'.repeat(200_000)), failed('unknown'), failed('answered'), failed('not-delivered')) })
    fc.assert(fc.property(fc.array(command, { maxLength: 25 }), (commands) => {
      let workflow = three
      for (const { name, force, end } of commands) {
        let step
        try {
          step = chooseStep(workflow, name, { force, isRepeatable: () => false })
        } catch {
          continue
        }
        const { state } = step
        if (!force) expect(state.status === 'pending' || (state.status === 'failed' && state.outcome === 'not-delivered')).toBe(true)
        workflow = beginStep(workflow, step, 1)
        expect(workflow.steps.filter((each) => each.state.status === 'running')).toHaveLength(1)
        workflow = endStep(workflow, step.name, end, AT)
        expect(sizeOf(workflow)).toBeLessThanOrEqual(1024 * 1024)
        expect(workflow.steps.map((each) => each.name)).toEqual(['a', 'b', 'c'])
      }
    }))
  })
})
