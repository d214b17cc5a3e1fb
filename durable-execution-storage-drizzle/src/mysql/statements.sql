-- insert: rows that are there
SELECT execution_id, task_id, status, claim_count, executor_id, sleeping_key, parent_execution_id FROM `task_executions` FORCE INDEX (PRIMARY) WHERE execution_id IN (?, ?);

-- insert: sleeping keys that are taken
SELECT execution_id, task_id, status, claim_count, executor_id, sleeping_key, parent_execution_id FROM `task_executions` WHERE sleeping_key IN (?, ?) AND finished_at IS NULL;

-- insert: rows that are there, unless others hold them
SELECT execution_id, task_id, status, claim_count, executor_id, sleeping_key, parent_execution_id FROM `task_executions` FORCE INDEX (PRIMARY) WHERE execution_id IN (?, ?) ORDER BY execution_id FOR UPDATE NOWAIT;

-- insert: sleeping keys that are taken, unless others hold them
SELECT execution_id, task_id, status, claim_count, executor_id, sleeping_key, parent_execution_id FROM `task_executions` WHERE sleeping_key IN (?, ?) AND finished_at IS NULL FOR UPDATE NOWAIT;

-- insert: rows
INSERT INTO `task_executions` (execution_id, task_id, queue, status, claim_at, claim_count, executor_id, attempt, takeovers, active_children_count, root_task_id, root_execution_id, parent_task_id, parent_execution_id, index_in_parent, is_finalize, sleeping_key, sleep_ms_before_run, timeout_ms, retry_options, start_at, started_at, finished_at, created_at, updated_at, error, input, run_output, output) SELECT execution_id, task_id, queue, status, claim_at, claim_count, executor_id, attempt, takeovers, active_children_count, root_task_id, root_execution_id, parent_task_id, parent_execution_id, index_in_parent, is_finalize, sleeping_key, sleep_ms_before_run, timeout_ms, retry_options, start_at, started_at, finished_at, created_at, updated_at, error, input, run_output, output FROM JSON_TABLE(?, '$[*]' COLUMNS (execution_id varchar(2100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[0]' ERROR ON ERROR, task_id varchar(2100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[1]' ERROR ON ERROR, queue varchar(2100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[2]' ERROR ON ERROR, status varchar(2100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[3]' ERROR ON ERROR, claim_at bigint PATH '$[4]' ERROR ON ERROR, claim_count bigint PATH '$[5]' ERROR ON ERROR, executor_id varchar(2100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[6]' ERROR ON ERROR, attempt bigint PATH '$[7]' ERROR ON ERROR, takeovers bigint PATH '$[8]' ERROR ON ERROR, active_children_count bigint PATH '$[9]' ERROR ON ERROR, root_task_id varchar(2100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[10]' ERROR ON ERROR, root_execution_id varchar(2100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[11]' ERROR ON ERROR, parent_task_id varchar(2100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[12]' ERROR ON ERROR, parent_execution_id varchar(2100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[13]' ERROR ON ERROR, index_in_parent bigint PATH '$[14]' ERROR ON ERROR, is_finalize bigint PATH '$[15]' ERROR ON ERROR, sleeping_key varchar(2100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[16]' ERROR ON ERROR, sleep_ms_before_run bigint PATH '$[17]' ERROR ON ERROR, timeout_ms bigint PATH '$[18]' ERROR ON ERROR, retry_options longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[19]' ERROR ON ERROR, start_at bigint PATH '$[20]' ERROR ON ERROR, started_at bigint PATH '$[21]' ERROR ON ERROR, finished_at bigint PATH '$[22]' ERROR ON ERROR, created_at bigint PATH '$[23]' ERROR ON ERROR, updated_at bigint PATH '$[24]' ERROR ON ERROR, error longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[25]' ERROR ON ERROR, input longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[26]' ERROR ON ERROR, run_output longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[27]' ERROR ON ERROR, output longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[28]' ERROR ON ERROR)) AS j;

-- insert, in a user's transaction
INSERT IGNORE INTO `task_executions` (execution_id, task_id, queue, status, claim_at, claim_count, executor_id, attempt, takeovers, active_children_count, root_task_id, root_execution_id, parent_task_id, parent_execution_id, index_in_parent, is_finalize, sleeping_key, sleep_ms_before_run, timeout_ms, retry_options, start_at, started_at, finished_at, created_at, updated_at, error, input, run_output, output) SELECT execution_id, task_id, queue, status, claim_at, claim_count, executor_id, attempt, takeovers, active_children_count, root_task_id, root_execution_id, parent_task_id, parent_execution_id, index_in_parent, is_finalize, sleeping_key, sleep_ms_before_run, timeout_ms, retry_options, start_at, started_at, finished_at, created_at, updated_at, error, input, run_output, output FROM JSON_TABLE(?, '$[*]' COLUMNS (execution_id varchar(2100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[0]' ERROR ON ERROR, task_id varchar(2100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[1]' ERROR ON ERROR, queue varchar(2100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[2]' ERROR ON ERROR, status varchar(2100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[3]' ERROR ON ERROR, claim_at bigint PATH '$[4]' ERROR ON ERROR, claim_count bigint PATH '$[5]' ERROR ON ERROR, executor_id varchar(2100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[6]' ERROR ON ERROR, attempt bigint PATH '$[7]' ERROR ON ERROR, takeovers bigint PATH '$[8]' ERROR ON ERROR, active_children_count bigint PATH '$[9]' ERROR ON ERROR, root_task_id varchar(2100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[10]' ERROR ON ERROR, root_execution_id varchar(2100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[11]' ERROR ON ERROR, parent_task_id varchar(2100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[12]' ERROR ON ERROR, parent_execution_id varchar(2100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[13]' ERROR ON ERROR, index_in_parent bigint PATH '$[14]' ERROR ON ERROR, is_finalize bigint PATH '$[15]' ERROR ON ERROR, sleeping_key varchar(2100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[16]' ERROR ON ERROR, sleep_ms_before_run bigint PATH '$[17]' ERROR ON ERROR, timeout_ms bigint PATH '$[18]' ERROR ON ERROR, retry_options longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[19]' ERROR ON ERROR, start_at bigint PATH '$[20]' ERROR ON ERROR, started_at bigint PATH '$[21]' ERROR ON ERROR, finished_at bigint PATH '$[22]' ERROR ON ERROR, created_at bigint PATH '$[23]' ERROR ON ERROR, updated_at bigint PATH '$[24]' ERROR ON ERROR, error longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[25]' ERROR ON ERROR, input longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[26]' ERROR ON ERROR, run_output longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[27]' ERROR ON ERROR, output longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[28]' ERROR ON ERROR)) AS j;

-- insert, in a user's transaction: rows that were in its way
SELECT execution_id, task_id, status, claim_count, executor_id, sleeping_key, parent_execution_id FROM `task_executions` FORCE INDEX (PRIMARY) WHERE execution_id IN (?, ?) ORDER BY execution_id LOCK IN SHARE MODE;

-- insert, in a user's transaction: keys that were in its way
SELECT execution_id, task_id, status, claim_count, executor_id, sleeping_key, parent_execution_id FROM `task_executions` WHERE sleeping_key IN (?, ?) AND finished_at IS NULL LOCK IN SHARE MODE;

-- get
SELECT execution_id, task_id, queue, status, claim_at, claim_count, executor_id, attempt, takeovers, active_children_count, root_task_id, root_execution_id, parent_task_id, parent_execution_id, index_in_parent, is_finalize, sleeping_key, sleep_ms_before_run, timeout_ms, retry_options, start_at, started_at, finished_at, created_at, updated_at, error, input, run_output, output FROM `task_executions` FORCE INDEX (PRIMARY) WHERE execution_id IN (?, ?);

-- getChildren: children
SELECT execution_id, task_id, queue, status, claim_at, claim_count, executor_id, attempt, takeovers, active_children_count, root_task_id, root_execution_id, parent_task_id, parent_execution_id, index_in_parent, is_finalize, sleeping_key, sleep_ms_before_run, timeout_ms, retry_options, start_at, started_at, finished_at, created_at, updated_at, error, input, run_output, output FROM `task_executions` FORCE INDEX (`task_executions_child`) WHERE parent_execution_id = ? AND is_finalize = 0 AND index_in_parent > ? ORDER BY index_in_parent LIMIT ?;

-- getChildren: finalize
SELECT execution_id, task_id, queue, status, claim_at, claim_count, executor_id, attempt, takeovers, active_children_count, root_task_id, root_execution_id, parent_task_id, parent_execution_id, index_in_parent, is_finalize, sleeping_key, sleep_ms_before_run, timeout_ms, retry_options, start_at, started_at, finished_at, created_at, updated_at, error, input, run_output, output FROM `task_executions` FORCE INDEX (`task_executions_child`) WHERE parent_execution_id = ? AND is_finalize = 1 LIMIT 1;

-- claim: what is due
SELECT execution_id, task_id, queue, status, claim_at, claim_count, executor_id, attempt, takeovers, active_children_count, root_task_id, root_execution_id, parent_task_id, parent_execution_id, index_in_parent, is_finalize, sleeping_key, sleep_ms_before_run, timeout_ms, retry_options, start_at, started_at, finished_at, created_at, updated_at, error, input, run_output, output FROM `task_executions` FORCE INDEX (`task_executions_claim`) WHERE queue = ? AND claim_at >= ? AND claim_at <= ? AND takeovers + (executor_id IS NOT NULL) < 2  ORDER BY claim_at, execution_id LIMIT ? FOR UPDATE SKIP LOCKED;

-- claim: what is due, never taking over, except some tasks
SELECT execution_id, task_id, queue, status, claim_at, claim_count, executor_id, attempt, takeovers, active_children_count, root_task_id, root_execution_id, parent_task_id, parent_execution_id, index_in_parent, is_finalize, sleeping_key, sleep_ms_before_run, timeout_ms, retry_options, start_at, started_at, finished_at, created_at, updated_at, error, input, run_output, output FROM `task_executions` FORCE INDEX (`task_executions_claim`) WHERE queue = ? AND claim_at >= ? AND claim_at <= ? AND takeovers + (executor_id IS NOT NULL) < 2 AND executor_id IS NULL AND task_id NOT IN (?, ?) ORDER BY claim_at, execution_id LIMIT ? FOR UPDATE SKIP LOCKED;

-- claim: only suspects, only taking over
SELECT execution_id, task_id, queue, status, claim_at, claim_count, executor_id, attempt, takeovers, active_children_count, root_task_id, root_execution_id, parent_task_id, parent_execution_id, index_in_parent, is_finalize, sleeping_key, sleep_ms_before_run, timeout_ms, retry_options, start_at, started_at, finished_at, created_at, updated_at, error, input, run_output, output FROM `task_executions` FORCE INDEX (`task_executions_claim`) WHERE queue = ? AND claim_at >= ? AND claim_at <= ? AND takeovers + (executor_id IS NOT NULL) >= 2 AND executor_id IS NOT NULL ORDER BY claim_at, execution_id LIMIT ? FOR UPDATE SKIP LOCKED;

-- claim: take
UPDATE `task_executions` FORCE INDEX (PRIMARY) SET takeovers = takeovers + (executor_id IS NOT NULL), started_at = CASE WHEN sleeping_key IS NULL AND status IN ('ready', 'running') THEN ? ELSE started_at END, status = CASE status WHEN 'ready' THEN 'running' ELSE status END, executor_id = ?, claim_count = claim_count + 1, claim_at = ?, updated_at = ? WHERE execution_id IN (?, ?);

-- settle, wake, cancel: locks
SELECT execution_id, task_id, status, claim_count, executor_id, sleeping_key, parent_execution_id FROM `task_executions` FORCE INDEX (PRIMARY) WHERE execution_id IN (?, ?) ORDER BY execution_id FOR UPDATE;

-- settle, release, wake: changes
UPDATE JSON_TABLE(?, '$[*]' COLUMNS (status varchar(2100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[0]' ERROR ON ERROR, attempt bigint PATH '$[1]' ERROR ON ERROR, takeovers bigint PATH '$[2]' ERROR ON ERROR, run_output longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[3]' ERROR ON ERROR, output longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[4]' ERROR ON ERROR, error longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[5]' ERROR ON ERROR, claim_at bigint PATH '$[6]' ERROR ON ERROR, start_at bigint PATH '$[7]' ERROR ON ERROR, started_at bigint PATH '$[8]' ERROR ON ERROR, finished_at bigint PATH '$[9]' ERROR ON ERROR, active_children_count bigint PATH '$[10]' ERROR ON ERROR, sleeping_key varchar(2100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[11]' ERROR ON ERROR, updated_at bigint PATH '$[12]' ERROR ON ERROR, execution_id varchar(2100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[13]' ERROR ON ERROR)) AS j STRAIGHT_JOIN `task_executions` AS t FORCE INDEX (PRIMARY) ON t.execution_id = j.execution_id SET t.status = j.status, t.attempt = j.attempt, t.takeovers = j.takeovers, t.run_output = j.run_output, t.output = j.output, t.error = j.error, t.claim_at = j.claim_at, t.start_at = coalesce(j.start_at, t.start_at), t.started_at = coalesce(j.started_at, t.started_at), t.finished_at = j.finished_at, t.active_children_count = j.active_children_count, t.sleeping_key = j.sleeping_key, t.updated_at = j.updated_at, t.executor_id = NULL;

-- settle, wake, cancel: parents
UPDATE JSON_TABLE(?, '$[*]' COLUMNS (takeovers bigint PATH '$[0]' ERROR ON ERROR, claim_count bigint PATH '$[1]' ERROR ON ERROR, executor_id varchar(2100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[2]' ERROR ON ERROR, claim_at bigint PATH '$[3]' ERROR ON ERROR, active_children_count bigint PATH '$[4]' ERROR ON ERROR, updated_at bigint PATH '$[5]' ERROR ON ERROR, execution_id varchar(2100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[6]' ERROR ON ERROR)) AS j STRAIGHT_JOIN `task_executions` AS t FORCE INDEX (PRIMARY) ON t.execution_id = j.execution_id SET t.takeovers = j.takeovers, t.claim_count = j.claim_count, t.executor_id = j.executor_id, t.claim_at = j.claim_at, t.active_children_count = j.active_children_count, t.updated_at = j.updated_at;

-- renew: what is free
SELECT execution_id, task_id, status, claim_count, executor_id, sleeping_key, parent_execution_id FROM `task_executions` FORCE INDEX (PRIMARY) WHERE execution_id IN (?, ?) ORDER BY execution_id FOR UPDATE SKIP LOCKED;

-- renew
UPDATE `task_executions` FORCE INDEX (PRIMARY) SET claim_at = greatest(coalesce(claim_at, 0), ?), updated_at = ? WHERE execution_id IN (?, ?);

-- recover
SELECT execution_id, task_id, queue, status, claim_at, claim_count, executor_id, attempt, takeovers, active_children_count, root_task_id, root_execution_id, parent_task_id, parent_execution_id, index_in_parent, is_finalize, sleeping_key, sleep_ms_before_run, timeout_ms, retry_options, start_at, started_at, finished_at, created_at, updated_at, error, input, run_output, output FROM `task_executions` FORCE INDEX (`task_executions_claim`) WHERE queue = ? AND claim_at >= ? AND claim_at <= ? AND executor_id = ?;

-- release: locks
SELECT execution_id, task_id, queue, status, claim_at, claim_count, executor_id, attempt, takeovers, active_children_count, root_task_id, root_execution_id, parent_task_id, parent_execution_id, index_in_parent, is_finalize, sleeping_key, sleep_ms_before_run, timeout_ms, retry_options, start_at, started_at, finished_at, created_at, updated_at, error, input, run_output, output FROM `task_executions` FORCE INDEX (PRIMARY) WHERE execution_id IN (?, ?) ORDER BY execution_id FOR UPDATE;

-- wake: the sleeper
SELECT execution_id, task_id, queue, status, claim_at, claim_count, executor_id, attempt, takeovers, active_children_count, root_task_id, root_execution_id, parent_task_id, parent_execution_id, index_in_parent, is_finalize, sleeping_key, sleep_ms_before_run, timeout_ms, retry_options, start_at, started_at, finished_at, created_at, updated_at, error, input, run_output, output FROM `task_executions` WHERE sleeping_key = ? AND finished_at IS NULL;

-- wake: the newest that finished
SELECT execution_id, task_id, queue, status, claim_at, claim_count, executor_id, attempt, takeovers, active_children_count, root_task_id, root_execution_id, parent_task_id, parent_execution_id, index_in_parent, is_finalize, sleeping_key, sleep_ms_before_run, timeout_ms, retry_options, start_at, started_at, finished_at, created_at, updated_at, error, input, run_output, output FROM `task_executions` FORCE INDEX (`task_executions_sleeping_key`) WHERE sleeping_key > ? AND sleeping_key < ? AND finished_at IS NOT NULL ORDER BY finished_at DESC, execution_id DESC LIMIT 1;

-- cancel: roots
SELECT execution_id, root_execution_id FROM `task_executions` FORCE INDEX (PRIMARY) WHERE execution_id IN (?, ?);

-- cancel: one level of trees
SELECT execution_id FROM `task_executions` FORCE INDEX (`task_executions_child`) WHERE parent_execution_id IN (?, ?) AND finished_at IS NULL;

-- cancel
UPDATE `task_executions` FORCE INDEX (PRIMARY) SET status = 'cancelled', output = NULL, error = ?, claim_at = NULL, executor_id = NULL, finished_at = ?, active_children_count = 0, sleeping_key = concat(sleeping_key, ':', execution_id), updated_at = ? WHERE execution_id IN (?, ?) AND finished_at IS NULL;

-- nextClaimAt
(SELECT queue, claim_at FROM `task_executions` FORCE INDEX (`task_executions_claim`) WHERE queue = ? AND claim_at >= -9007199254740991 ORDER BY claim_at LIMIT 1) UNION ALL (SELECT queue, claim_at FROM `task_executions` FORCE INDEX (`task_executions_claim`) WHERE queue = ? AND claim_at >= -9007199254740991 ORDER BY claim_at LIMIT 1);

-- prune: a page
SELECT execution_id, CASE WHEN parent_execution_id IS NULL AND finished_at < ? THEN 1 + EXISTS (SELECT 1 FROM `task_executions` AS child FORCE INDEX (`task_executions_child`) WHERE child.parent_execution_id = page.execution_id) ELSE 0 END FROM `task_executions` AS page FORCE INDEX (PRIMARY) WHERE execution_id > ? ORDER BY execution_id LIMIT ?;

-- prune: one level of trees
SELECT execution_id FROM `task_executions` FORCE INDEX (`task_executions_child`) WHERE parent_execution_id IN (?, ?);

-- prune: rows
DELETE FROM `task_executions` WHERE execution_id IN (?, ?);
