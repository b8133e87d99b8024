import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { openEndpoint } from '../../src/lib/mcp/http-endpoint.js'

it('no more connections are open to a server than its pool may have, besides the two that calls never wait for', async () => {
  const held: ServerResponse[] = []
  let connections = 0
  const server = createServer((request, response) => { request.resume().on('end', () => held.push(response)) }).on('connection', () => connections++)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const endpoint = await openEndpoint(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`, {}, { min: 1, max: 2 })
  let answered = 0
  for (let each = 0; each < 10; each++) endpoint.call({ method: 'POST', headers: {}, body: '{}' }, { onResponse: (response) => { response.resume().on('end', () => answered++) }, onError: (error) => { throw error } })
  while (answered < 10) {
    await expect.poll(() => held.length).toBe(Math.min(4, 10 - answered))
    for (const response of held.splice(0)) response.end('{}')
    const before = answered
    await expect.poll(() => answered).toBeGreaterThan(before)
    await expect.poll(() => held.length + answered === 10 || held.length === 4).toBe(true)
  }
  expect(connections).toBe(4)
  endpoint.close()
  await new Promise((resolve) => server.close(resolve))
})

it('a burst of calls finds the connections of the one before', async () => {
  let connections = 0
  const server = createServer((request, response) => { request.resume().on('end', () => response.end('{}')) }).on('connection', () => connections++)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const endpoint = await openEndpoint(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`, {})
  for (let burst = 1; burst <= 3; burst++) {
    let answered = 0
    for (let each = 0; each < 40; each++) endpoint.call({ method: 'POST', headers: {}, body: '{}' }, { onResponse: (response) => { response.resume().on('end', () => answered++) }, onError: (error) => { throw error } })
    await expect.poll(() => answered).toBe(40)
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(connections).toBe(40)
  endpoint.close()
  await new Promise((resolve) => server.close(resolve))
})
