// Running the suite
export { describeStorage } from './describe'
export type { DescribeStorageOptions } from './describe'
export { runCase, runStorageTest, StorageConformanceError } from './run'
export type { ConformanceFailure, StorageTestOptions } from './run'
export type { CreateStorage, StorageUnderTest } from './storage-under-test'

// Random sequences
export { ModelDifferenceError } from './model'
export type { ModelOptions } from './model'
export type { Difference, MadeCall } from './model/sequence'
export type { Call, CalledVerb } from './model/call'

// Cases
export { titleOf } from './case'
export type { ConformanceCase, Need, Verb } from './case'
export { conformanceCases } from './cases/index'
export { ConformanceContext } from './context'

// Measuring
export { runStorageBench } from './bench'
export type { StorageBenchOptions, StorageBenchResult } from './bench'

// Journeys
export { describeJourneys } from './journeys/describe'
export type { DescribeJourneysOptions } from './journeys/describe'
export { journeys } from './journeys/index'
export type { Journey } from './journeys/journey'
export { JourneyContext } from './journeys/context'
export type { JourneyEvent, JourneyExecutorOptions } from './journeys/context'
export { runJourney } from './journeys/run'

// Testing tasks
export { createTestExecutor, TestExecutor } from './testing/test-executor'
export type { TestExecutorOptions, TestWaitOptions } from './testing/test-executor'
export type { FakeTask, FakeTasks } from './testing/fakes'
export { runTaskAlone } from './testing/run-alone'
export type { AloneRun, FakedRun } from './testing/run-alone'
export { forEachCrashPoint, runWithCrash } from './testing/crash-points'
export type { Crash, CrashingProcess, CrashPoint, CrashRun } from './testing/crash-points'

// Rows
export { childOf, createTaskExecutionRecord, finalizeOf, newExecution, newSleeper } from './factory'
export type { Parent } from './factory'
export { findViolations } from './invariants'
export { findRunViolations } from './runs'
export type { NotedRun, Workload } from './runs'

// Locks
export { sumUpLocks, watchLocks } from './lock-budget'
export type { LockProbe, LockWaits } from './lock-budget'

// Files
export { cleanupTemporaryFiles, withTemporaryDirectory, withTemporaryFile } from './temporary'

// Storages that misbehave
export { awayAfter, delayed, disturbStorage, eachAnswerLostOnce, everyVerbTwice } from './disturbed'
export type { Disturbance, DisturbedVerb } from './disturbed'

// Simulation
export { simulate } from './simulation/simulate'
export type { SimulationOptions, SimulationResult } from './simulation/simulate'
export { describeFailure, reduceSimulation, simulateSeeds } from './simulation/runs'
export type { SimulationsOptions, SimulationsReport } from './simulation/runs'
export type { EndedExecution, SimulatedTasks } from './simulation/tasks'
export { SimulatedHost } from './simulation/host'
export type { FaultPlan, MemberPlan, Plan, ProgramPlan } from './simulation/plan'
export type { Guarantee, Violation } from './simulation/history'
export type { SimulatedStorage } from './simulation/watched-storage'
export type { CreateSimulatedStorage } from './simulation/world'
