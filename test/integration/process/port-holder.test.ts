import { spawn } from 'node:child_process'
import { createServer, type AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findPortHolder } from '../../../src/lib/process/index.js'

const SERVER = join(resolve(import.meta.dirname, '../../fixtures/servers'), 'proc-http.mjs')

describe.runIf(process.platform === 'linux')('the holder of a port', () => {
  it('is found with its pid and the beginning of its command, but not its further arguments', async () => {
    const child = spawn(process.execPath, [SERVER, '--token', 'secret'], { stdio: ['ignore', 'pipe', 'ignore'] })
    try {
      const port = Number(await new Promise<string>((done) => child.stdout.once('data', (chunk: Buffer) => done(chunk.toString()))))
      expect(await findPortHolder(port)).toEqual({ pid: child.pid, command: `node ${SERVER}` })
      expect(await findPortHolder(port, 'localhost')).toMatchObject({ pid: child.pid })
      expect(await findPortHolder(port, '127.0.0.99'), 'not in the way of another address').toBeNull()
    } finally {
      child.kill('SIGKILL')
    }
  })

  it('does not exist for a port nobody listens on', async () => {
    const server = createServer()
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const { port } = server.address() as AddressInfo
    expect(await findPortHolder(port, '127.0.0.1')).toMatchObject({ pid: process.pid })
    await new Promise((done) => server.close(done))
    expect(await findPortHolder(port, '127.0.0.1')).toBeNull()
  })
})
