#!/usr/bin/env node
import { existsSync } from 'node:fs'

// A build has the quick path in one file; while developing, `tsc` alone is enough.
const bundle = new URL('../dist/bundle/command/main.js', import.meta.url)
const { runQuickly } = await import(existsSync(bundle) ? bundle : new URL('../dist/lib/verbs/quick.js', import.meta.url))

if (!(await runQuickly(process.argv.slice(2)))) {
  const { execute } = await import('@oclif/core')
  await execute({ dir: import.meta.url })
}
