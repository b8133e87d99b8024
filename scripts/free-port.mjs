import net from 'node:net'

/**
 * Below the ports that systems give to connections that go out (from 32768 on with Linux, 49152 elsewhere): one of those
 * may be taken between the moment it was found free and the moment its server listens.
 */
const [FIRST, COUNT] = [15_000, 17_000]

/** Somewhere else in each process; none is given out twice. */
let next = Math.floor(Math.random() * COUNT)

/** A TCP port of 127.0.0.1 that nobody listens on right now. */
export async function freePort() {
  for (let tried = 0; tried < COUNT; tried++) {
    const port = FIRST + (next++ % COUNT)
    if (await isFree(port)) return port
  }
  throw new Error(`no port from ${FIRST} to ${FIRST + COUNT - 1} is free`)
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = net.createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
