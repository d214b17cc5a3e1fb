/** What a page must not import: proof that the test of bundles sees it. */
export { DurableExecutor } from 'durable-execution'
