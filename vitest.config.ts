import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Files that put something else in the place of a module: they need their modules for themselves. */
const ISOLATED = ['test/unit/verbs/quick.test.ts', 'test/unit/gateway-auth/compare.test.ts']

/** Files that take a minute: begun last, they would be waited for alone. */
const LONGEST = /real-clients|package|daemon-death|reload|conformance|soak|health|bad-input|events-wait|e2e.crash|e2e.race|faults|contract.json/

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const isLong = ({ moduleId }: TestSpecification): boolean => LONGEST.test(moduleId)
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))]
  }
}

export default defineConfig({
  test: {
    // What fails first on a machine with little time for us, and asserts nothing.
    testTimeout: 90_000,
    hookTimeout: 90_000,
    pool: 'forks',
    // Two cores are the reference machine, and the check of style runs beside the tests: more at once are no faster, and wait for each other.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    projects: [
      // Loading the same modules anew for each file would take a quarter of the processor time of all tests.
      { extends: true, test: { name: 'shared', include: ['test/**/*.test.ts'], exclude: ['**/node_modules/**', ...ISOLATED], isolate: false } },
      { extends: true, test: { name: 'isolated', include: ISOLATED } },
    ],
  },
})
