import { mergeConfig } from 'vitest/config'

import { vitestBase } from '../vitest.base.ts'

// Journeys wait for leases and time-outs most of the time: more of them at once than there are processors.
export default mergeConfig(vitestBase, { test: { maxWorkers: 5 } })
