import { describe, expect, test } from 'vitest'
import { Member } from '../../../src/lib/gateway/ad-hoc-member.js'
import type { Established, Link } from '../../../src/lib/mcp/index.js'
import { FakeLink } from './rig.js'

const VERDICT = { era: 'modern', protocolVersion: '2026-07-28', exitsOnProbe: false, decidedAt: 0 } as const
const ESTABLISHED: Established = { verdict: VERDICT, remember: VERDICT, serverInfo: null, capabilities: {}, instructions: null, warnings: [], catalogue: { tools: [], prompts: [], resources: [], resourceTemplates: [] } }

function setup() {
  const links: FakeLink[] = []
  /** Connections that are being opened, and those that are being introduced to each other. */
  const opening: (() => void)[] = []
  const greeting: (() => void)[] = []
  const open = (): Promise<Link> => new Promise((resolve) => opening.push(() => {
    const link = new FakeLink()
    link.establish = () => new Promise((established) => greeting.push(() => { established(ESTABLISHED) }))
    links.push(link)
    resolve(link)
  }))
  const member = new Member({ name: 'm', url: 'http://localhost/', isAdded: false, keepsNames: false }, open, { changed: () => undefined, warn: () => undefined })
  const settle = async (): Promise<void> => { for (let i = 0; i < 5; i++) await Promise.resolve() }
  /** Everything that waits goes on, in its order. */
  const goOn = async (): Promise<void> => {
    for (const step of [opening, greeting]) {
      for (const each of step.splice(0)) each()
      await settle()
    }
  }
  return { member, links, goOn, settle, opening }
}

describe('a server without a daemon', () => {
  test.each(['while it is being connected to', 'while it introduces itself'])('that is switched off and on again %s is connected to once', async (when) => {
    const { member, links, goOn, settle, opening } = setup()
    const first = member.connect()
    if (when.includes('introduces')) {
      opening.splice(0).forEach((each) => { each() })
      await settle()
    }
    await member.switch(false)
    const second = member.switch(true)
    await goOn()
    await Promise.all([first, second])
    expect(links.map(({ closed }) => closed)).toEqual([true, false])
    expect(member.describe()).toMatchObject({ presence: 'up', up: { link: links[1] } })
    member.close()
    expect(links.map(({ closed }) => closed)).toEqual([true, true])
  })

  test('that is given up while it is being connected to leaves no connection', async () => {
    const { member, links, goOn } = setup()
    const first = member.connect()
    member.close()
    await goOn()
    await first
    expect(links.map(({ closed }) => closed)).toEqual([true])
    expect(member.describe().presence).not.toBe('up')
  })
})
