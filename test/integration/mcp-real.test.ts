import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { cleanUp, establish, names, openChild, probe, realServer } from './mcp-support.js'

afterEach(cleanUp)

test.each([
  ['everything', 'echo', { message: 'hello' }],
  ['filesystem', 'list_allowed_directories', {}],
  ['memory', 'read_graph', {}],
  ['sequential-thinking', 'sequentialthinking', { thought: 'one', nextThoughtNeeded: false, thoughtNumber: 1, totalThoughts: 1 }],
])('the real %s server is opened over stdio, its tool %s works and it ends when its input closes', async (name, tool, given) => {
  const folder = mkdtempSync(join(tmpdir(), 'mcpctl-real-'))
  try {
    const { link, child, noise } = openChild(realServer(name), name === 'filesystem' ? [folder] : [])
    const established = await establish(link)
    expect(established.verdict.era).toBe('legacy')
    expect(established.serverInfo?.name).toBeTruthy()
    expect(names(established.catalogue.tools)).toContain(tool)
    expect(await link.request('tools/call', { name: tool, arguments: given }, { timeoutMs: 25_000 })).toHaveProperty('content')
    await probe(link)
    expect(noise).toEqual([])
    const gone = new Promise((resolve) => child.once('exit', resolve))
    link.close()
    await gone
  } finally {
    rmSync(folder, { recursive: true })
  }
})
