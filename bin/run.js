#!/usr/bin/env node
const { existsSync } = require('node:fs')
const { join } = require('node:path')

// A build has the quick path in one file; while developing, `tsc` alone is enough.
const bundle = join(__dirname, '../dist/bundle/command/main.js')

async function main() {
  const { leave, runQuickly } = existsSync(bundle) ? require(bundle) : await import('../dist/lib/verbs/quick.js')
  if (await runQuickly(process.argv.slice(2))) return leave()
  const { execute } = await import('@oclif/core')
  await execute({ dir: join(__dirname, '..') })
}

void main()
