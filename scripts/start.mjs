// npm start: everything between a fresh clone and running servers. Arguments go to `mcpctl start`.
import path from 'node:path'
import { ensureInstalled, root, run } from './install.mjs'

const cli = path.join(root, 'bin', 'run.js')
const mcpctl = (...args) => run(process.execPath, [cli, ...args], { stdio: 'inherit' })

try {
  await ensureInstalled(root)
  const { build, isBuilt } = await import('./build.mjs')
  if (!isBuilt()) await build()
  const started = await mcpctl('start', ...process.argv.slice(2))
  await mcpctl('status')
  console.log(
    [
      '',
      'next:',
      '  node bin/run.js logs -f          what the servers say',
      '  node bin/run.js status NAME      one server in detail',
      '  node bin/run.js restart NAME     a new instance',
      '  node bin/run.js tools            what they offer; call SERVER TOOL key=value uses one',
      '  node bin/run.js verify           the official SDKs against the gateway',
      '  node bin/run.js stop             end everything',
      '  npm link                         then type just mcpctl',
    ].join('\n'),
  )
  process.exitCode = started
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
