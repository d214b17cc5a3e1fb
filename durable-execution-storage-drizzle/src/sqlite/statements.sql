-- insert: rows that are there
--   SEARCH task_executions USING INDEX sqlite_autoindex_task_executions_1 (execution_id=?)
SELECT execution_id, task_id, status, claim_count, executor_id, sleeping_key, parent_execution_id FROM "task_executions" INDEXED BY "sqlite_autoindex_task_executions_1" WHERE execution_id IN (?, ?);

-- insert: sleeping keys that are taken
--   SEARCH task_executions USING INDEX task_executions_sleeping_key (sleeping_key=?)
SELECT execution_id, task_id, status, claim_count, executor_id, sleeping_key, parent_execution_id FROM "task_executions" INDEXED BY "task_executions_sleeping_key" WHERE sleeping_key IN (?, ?) AND finished_at IS NULL;

-- insert: one row of several
INSERT INTO "task_executions" (execution_id, task_id, queue, status, claim_at, claim_count, executor_id, attempt, takeovers, active_children_count, root_task_id, root_execution_id, parent_task_id, parent_execution_id, index_in_parent, is_finalize, sleeping_key, sleep_ms_before_run, timeout_ms, retry_options, start_at, started_at, finished_at, created_at, updated_at, error, input, run_output, output) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- insert: rows that differ in id and input
INSERT INTO "task_executions" (execution_id, task_id, queue, status, claim_at, claim_count, executor_id, attempt, takeovers, active_children_count, root_task_id, root_execution_id, parent_task_id, parent_execution_id, index_in_parent, is_finalize, sleeping_key, sleep_ms_before_run, timeout_ms, retry_options, start_at, started_at, finished_at, created_at, updated_at, error, input, run_output, output) SELECT c.column1, s.column1, s.column2, s.column3, s.column4, s.column5, s.column6, s.column7, s.column8, s.column9, s.column10, c.column1, s.column11, s.column12, s.column13, s.column14, s.column15, s.column16, s.column17, s.column18, s.column19, s.column20, s.column21, s.column22, s.column23, s.column24, c.column2, s.column25, s.column26 FROM (VALUES (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?)) AS c CROSS JOIN (VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)) AS s;

-- get
--   SEARCH task_executions USING INDEX sqlite_autoindex_task_executions_1 (execution_id=?)
SELECT execution_id, task_id, queue, status, claim_at, claim_count, executor_id, attempt, takeovers, active_children_count, root_task_id, root_execution_id, parent_task_id, parent_execution_id, index_in_parent, is_finalize, sleeping_key, sleep_ms_before_run, timeout_ms, retry_options, start_at, started_at, finished_at, created_at, updated_at, error, input, run_output, output FROM "task_executions" INDEXED BY "sqlite_autoindex_task_executions_1" WHERE execution_id IN (?, ?);

-- getChildren: children
--   SEARCH task_executions USING INDEX task_executions_child (parent_execution_id=? AND is_finalize=? AND index_in_parent>?)
SELECT execution_id, task_id, queue, status, claim_at, claim_count, executor_id, attempt, takeovers, active_children_count, root_task_id, root_execution_id, parent_task_id, parent_execution_id, index_in_parent, is_finalize, sleeping_key, sleep_ms_before_run, timeout_ms, retry_options, start_at, started_at, finished_at, created_at, updated_at, error, input, run_output, output FROM "task_executions" WHERE parent_execution_id = ? AND is_finalize = 0 AND index_in_parent > ? ORDER BY index_in_parent LIMIT ?;

-- getChildren: finalize
--   SEARCH task_executions USING INDEX task_executions_child (parent_execution_id=? AND is_finalize=?)
SELECT execution_id, task_id, queue, status, claim_at, claim_count, executor_id, attempt, takeovers, active_children_count, root_task_id, root_execution_id, parent_task_id, parent_execution_id, index_in_parent, is_finalize, sleeping_key, sleep_ms_before_run, timeout_ms, retry_options, start_at, started_at, finished_at, created_at, updated_at, error, input, run_output, output FROM "task_executions" WHERE parent_execution_id = ? AND is_finalize = 1 LIMIT 1;

-- claim: what is due
--   SEARCH task_executions USING INDEX task_executions_claim (queue=? AND claim_at>? AND claim_at<?)
SELECT json_array(execution_id, task_id, queue, status, claim_at, claim_count, executor_id, attempt, takeovers, active_children_count, root_task_id, root_execution_id, parent_task_id, parent_execution_id, index_in_parent, is_finalize, sleeping_key, sleep_ms_before_run, timeout_ms, retry_options, start_at, started_at, finished_at, created_at, updated_at), error, input, run_output, output FROM "task_executions" WHERE queue = ? AND claim_at >= ? AND claim_at <= ? AND takeovers + (executor_id IS NOT NULL) < 2  ORDER BY claim_at, rowid LIMIT ?;

-- claim: what is due, never taking over, except some tasks
--   SEARCH task_executions USING INDEX task_executions_claim (queue=? AND claim_at>? AND claim_at<?)
SELECT json_array(execution_id, task_id, queue, status, claim_at, claim_count, executor_id, attempt, takeovers, active_children_count, root_task_id, root_execution_id, parent_task_id, parent_execution_id, index_in_parent, is_finalize, sleeping_key, sleep_ms_before_run, timeout_ms, retry_options, start_at, started_at, finished_at, created_at, updated_at), error, input, run_output, output FROM "task_executions" WHERE queue = ? AND claim_at >= ? AND claim_at <= ? AND takeovers + (executor_id IS NOT NULL) < 2 AND executor_id IS NULL AND task_id NOT IN (?, ?) ORDER BY claim_at, rowid LIMIT ?;

-- claim: only suspects, only taking over
--   SEARCH task_executions USING INDEX task_executions_claim (queue=? AND claim_at>? AND claim_at<?)
SELECT json_array(execution_id, task_id, queue, status, claim_at, claim_count, executor_id, attempt, takeovers, active_children_count, root_task_id, root_execution_id, parent_task_id, parent_execution_id, index_in_parent, is_finalize, sleeping_key, sleep_ms_before_run, timeout_ms, retry_options, start_at, started_at, finished_at, created_at, updated_at), error, input, run_output, output FROM "task_executions" WHERE queue = ? AND claim_at >= ? AND claim_at <= ? AND takeovers + (executor_id IS NOT NULL) >= 2 AND executor_id IS NOT NULL ORDER BY claim_at, rowid LIMIT ?;

-- claim: take
--   SEARCH task_executions USING INDEX sqlite_autoindex_task_executions_1 (execution_id=?)
UPDATE "task_executions" INDEXED BY "sqlite_autoindex_task_executions_1" SET status = CASE status WHEN 'ready' THEN 'running' ELSE status END, takeovers = takeovers + (executor_id IS NOT NULL), executor_id = ?, claim_count = claim_count + 1, claim_at = ?, started_at = CASE WHEN sleeping_key IS NULL AND status IN ('ready', 'running') THEN ? ELSE started_at END, updated_at = ? WHERE execution_id IN (?, ?);

-- settle, where nothing is inserted
--   SEARCH task_executions USING INDEX sqlite_autoindex_task_executions_1 (execution_id=?)
UPDATE "task_executions" SET status = ?, attempt = ?, takeovers = ?, run_output = ?, output = ?, error = ?, claim_at = ?, start_at = coalesce(?, start_at), started_at = coalesce(?, started_at), finished_at = ?, active_children_count = ?, sleeping_key = ?, updated_at = ?, executor_id = NULL WHERE execution_id = ? AND claim_count = ? AND status = ? AND executor_id IS NOT NULL;

-- settle, where nothing is inserted, several at once
--   SEARCH task_executions USING INDEX sqlite_autoindex_task_executions_1 (execution_id=?)
UPDATE "task_executions" INDEXED BY "sqlite_autoindex_task_executions_1" SET status = c.column1, attempt = c.column2, takeovers = c.column3, run_output = c.column4, output = c.column5, error = c.column6, claim_at = c.column7, start_at = coalesce(c.column8, start_at), started_at = coalesce(c.column9, started_at), finished_at = c.column10, active_children_count = c.column11, sleeping_key = c.column12, updated_at = c.column13, executor_id = NULL FROM (VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)) AS c WHERE execution_id = c.column14 AND claim_count = c.column15 AND status = c.column16 AND executor_id IS NOT NULL AND likelihood(c.column14 IS NOT NULL, 0.0001) RETURNING execution_id;

-- settle, where nothing is inserted, a hundred that differ in id and output
--   SEARCH task_executions USING INDEX sqlite_autoindex_task_executions_1 (execution_id=?)
UPDATE "task_executions" INDEXED BY "sqlite_autoindex_task_executions_1" SET status = s.column1, attempt = s.column2, takeovers = s.column3, run_output = s.column4, output = c.column2, error = s.column5, claim_at = s.column6, start_at = coalesce(s.column7, start_at), started_at = coalesce(s.column8, started_at), finished_at = s.column9, active_children_count = s.column10, sleeping_key = s.column11, updated_at = s.column12, executor_id = NULL FROM (VALUES (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?)) AS c CROSS JOIN (VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)) AS s WHERE execution_id = c.column1 AND claim_count = s.column13 AND status = s.column14 AND executor_id IS NOT NULL AND likelihood(c.column1 IS NOT NULL, 0.0001);

-- settle, release, wake
--   SEARCH task_executions USING INDEX sqlite_autoindex_task_executions_1 (execution_id=?)
UPDATE "task_executions" SET status = ?, attempt = ?, takeovers = ?, run_output = ?, output = ?, error = ?, claim_at = ?, start_at = coalesce(?, start_at), started_at = coalesce(?, started_at), finished_at = ?, active_children_count = ?, sleeping_key = ?, updated_at = ?, executor_id = NULL WHERE execution_id = ?;

-- settle, wake, cancel: parents
--   SEARCH task_executions USING INDEX sqlite_autoindex_task_executions_1 (execution_id=?)
UPDATE "task_executions" SET takeovers = ?, claim_count = ?, executor_id = ?, claim_at = ?, active_children_count = ?, updated_at = ? WHERE execution_id = ?;

-- renew
--   SEARCH task_executions USING INDEX sqlite_autoindex_task_executions_1 (execution_id=?)
UPDATE "task_executions" INDEXED BY "sqlite_autoindex_task_executions_1" SET claim_at = max(coalesce(claim_at, 0), ?), updated_at = ? WHERE execution_id IN (?, ?);

-- recover
--   SEARCH task_executions USING INDEX task_executions_claim (queue=? AND claim_at>? AND claim_at<?)
SELECT execution_id, task_id, queue, status, claim_at, claim_count, executor_id, attempt, takeovers, active_children_count, root_task_id, root_execution_id, parent_task_id, parent_execution_id, index_in_parent, is_finalize, sleeping_key, sleep_ms_before_run, timeout_ms, retry_options, start_at, started_at, finished_at, created_at, updated_at, error, input, run_output, output FROM "task_executions" WHERE queue = ? AND claim_at >= ? AND claim_at <= ? AND executor_id = ?;

-- wake: the sleeper
--   SEARCH task_executions USING INDEX task_executions_sleeping_key (sleeping_key=?)
SELECT execution_id, task_id, queue, status, claim_at, claim_count, executor_id, attempt, takeovers, active_children_count, root_task_id, root_execution_id, parent_task_id, parent_execution_id, index_in_parent, is_finalize, sleeping_key, sleep_ms_before_run, timeout_ms, retry_options, start_at, started_at, finished_at, created_at, updated_at, error, input, run_output, output FROM "task_executions" INDEXED BY "task_executions_sleeping_key" WHERE sleeping_key = ? AND finished_at IS NULL;

-- wake: the newest that finished
--   SEARCH task_executions USING INDEX task_executions_sleeping_key (sleeping_key>? AND sleeping_key<?)
SELECT execution_id, task_id, queue, status, claim_at, claim_count, executor_id, attempt, takeovers, active_children_count, root_task_id, root_execution_id, parent_task_id, parent_execution_id, index_in_parent, is_finalize, sleeping_key, sleep_ms_before_run, timeout_ms, retry_options, start_at, started_at, finished_at, created_at, updated_at, error, input, run_output, output FROM "task_executions" INDEXED BY "task_executions_sleeping_key" WHERE sleeping_key > ? AND sleeping_key < ? AND finished_at IS NOT NULL ORDER BY finished_at DESC, execution_id DESC LIMIT 1;

-- cancel
--   SEARCH task_executions USING COVERING INDEX sqlite_autoindex_task_executions_1 (execution_id=?)
--   SEARCH task_executions USING INDEX sqlite_autoindex_task_executions_1 (execution_id=?)
--   SEARCH child USING INDEX task_executions_child (parent_execution_id=?)
UPDATE "task_executions" INDEXED BY "sqlite_autoindex_task_executions_1" SET status = 'cancelled', output = NULL, error = ?, claim_at = NULL, executor_id = NULL, finished_at = ?, active_children_count = 0, sleeping_key = sleeping_key || ':' || execution_id, updated_at = ? WHERE execution_id IN (WITH RECURSIVE doomed (id) AS (SELECT execution_id FROM "task_executions" INDEXED BY "sqlite_autoindex_task_executions_1" WHERE execution_id IN (?, ?) AND finished_at IS NULL UNION SELECT child.execution_id FROM doomed CROSS JOIN "task_executions" AS child INDEXED BY "task_executions_child" ON child.parent_execution_id = doomed.id WHERE child.finished_at IS NULL) SELECT id FROM doomed);

-- nextClaimAt
--   SEARCH task_executions USING COVERING INDEX task_executions_claim (queue=? AND claim_at>?)
SELECT q.column1, (SELECT min(claim_at) FROM "task_executions" WHERE queue = q.column1 AND claim_at IS NOT NULL) FROM (VALUES (?), (?)) AS q;

-- prune: a page
--   SEARCH page USING INDEX sqlite_autoindex_task_executions_1 (execution_id>?)
--   SEARCH child USING COVERING INDEX task_executions_child (parent_execution_id=?)
SELECT execution_id, CASE WHEN parent_execution_id IS NULL AND finished_at < ? THEN 1 + EXISTS (SELECT 1 FROM "task_executions" AS child WHERE child.parent_execution_id = page.execution_id) ELSE 0 END FROM "task_executions" AS page WHERE execution_id > ? ORDER BY execution_id LIMIT ?;

-- prune: a tree
--   SEARCH child USING INDEX task_executions_child (parent_execution_id=?)
WITH RECURSIVE tree (id) AS (SELECT ? UNION ALL SELECT child.execution_id FROM tree CROSS JOIN "task_executions" AS child ON child.parent_execution_id = tree.id) SELECT id FROM tree;

-- prune: rows
--   SEARCH task_executions USING INDEX sqlite_autoindex_task_executions_1 (execution_id=?)
DELETE FROM "task_executions" INDEXED BY "sqlite_autoindex_task_executions_1" WHERE execution_id IN (?, ?);

-- the write lock
UPDATE "task_executions" SET queue = queue WHERE 0;
