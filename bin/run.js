#!/usr/bin/env node
import { runQuickly } from '../dist/lib/verbs/quick.js'

if (!(await runQuickly(process.argv.slice(2)))) {
  const { execute } = await import('@oclif/core')
  await execute({ dir: import.meta.url })
}
