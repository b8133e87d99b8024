import { defineConfig } from 'vitest/config'

/** Files that put something else in the place of a module: they need their modules for themselves. */
const ISOLATED = ['test/unit/verbs/quick.test.ts']

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    // Two cores are the reference machine. Tests of processes wait nearly half of their time: three at once keep both busy.
    maxWorkers: 3,
    projects: [
      // Loading the same modules anew for each file would take a quarter of the processor time of all tests.
      { extends: true, test: { name: 'shared', include: ['test/**/*.test.ts'], exclude: ['**/node_modules/**', ...ISOLATED], isolate: false } },
      { extends: true, test: { name: 'isolated', include: ISOLATED } },
    ],
  },
})
