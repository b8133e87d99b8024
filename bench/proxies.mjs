// npm run bench -- proxies [--c NAMES] [--scenarios lat,thr,...] [--k 3] [--peers DIR] [--opts JSON] [--proxy-harness DIR] [--out FILE]
// The proxy harness with mcpctl among its contestants; prints its tables.
import fs from 'node:fs'
import path from 'node:path'
import { option } from './lib/measure.mjs'
import { root, run } from '../scripts/install.mjs'

const REFERENCES = 'direct-stdio,direct-http-c,direct-http-node,node-pipe,ref-gate-stdio,ref-gate-http'
const OWN = 'mcpctl-stdio,mcpctl-http,mcpctl-http2stdio,mcpctl-http2http'

const here = path.join(root, 'bench')
const work = path.join(here, '.work')
const harness = path.resolve(option('proxy-harness', process.env.BENCH_PROXY_HARNESS ?? path.join(root, '..', 'shared', 'bench', 'proxies')))
const out = path.resolve(option('out', path.join(work, 'proxies.jsonl')))
const peers = option('peers', '')

if (!fs.existsSync(path.join(harness, 'bench.mjs'))) {
  console.error(`no proxy harness at ${harness}: name its folder with --proxy-harness or BENCH_PROXY_HARNESS`)
  process.exit(1)
}
fs.mkdirSync(path.dirname(out), { recursive: true })
fs.rmSync(out, { force: true })
const status = await run(process.execPath, [
  path.join(harness, 'bench.mjs'),
  '--peers', path.resolve(peers === '' ? path.join(work, 'no-peers') : peers),
  '--extra', path.join(here, 'proxy-contestants.mjs'),
  '--contestants', option('c', `${REFERENCES},${OWN}`),
  '--scenarios', option('scenarios', 'lat,thr,sess,size,list,cold,sick,mem'),
  '--repeat', option('k', '1'),
  '--opts', option('opts', '{}'),
  '--out', out,
], { stdio: ['ignore', 2, 2] })
if (status === 0) process.exitCode = await run(process.execPath, [path.join(harness, 'report.mjs'), out], { stdio: 'inherit' })
else process.exitCode = status
