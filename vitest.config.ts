import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    // Two cores are the reference machine. Tests of processes wait nearly half of their time: three at once keep both busy.
    maxWorkers: 3,
  },
})
