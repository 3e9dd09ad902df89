/* What a token server decided, counted by the second, for sentinel-server.log
 * (ClusterServerStatLogUtil).
 *
 *   2026-11-22 00:41:47|1|flow|block|4711|12,0
 *   └ second            │ └ key           └ count, 0
 *                       └ kind: counts
 *
 *   flow|block|ID                          tokens
 *   flow|block_request|ID, flow|waiting|ID questions
 *   flow|occupied_block|ID                 those with priority
 *   param|pass|ID, param|block|ID|VALUE    questions, and the first value that had no room
 *
 * Counted in a block_log of one worker, which is whoever holds the token server's lock. */
#ifndef SENTINEL_OPS_SERVER_LOG_H
#define SENTINEL_OPS_SERVER_LOG_H

#include <stdint.h>

struct block_log;
struct token_decision;

void server_log_note(struct block_log *log, const struct token_decision *decision, int64_t now_ms);

#endif
