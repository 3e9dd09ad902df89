/* How a slot asks the token service for a rule in cluster mode; see token_service.h. */
#ifndef SENTINEL_CORE_TOKEN_CHECK_H
#define SENTINEL_CORE_TOKEN_CHECK_H

#include "filters/sentinel/core/entry.h"

/* Asks what entry->token says. True: the answer is there. False: the call waits (entry->asks,
 * entry->wait_ns), and the slot comes back to token_check_take. */
bool token_check_ask(struct entry *entry);

/* The wait is over: the answer, TOKEN_FAIL if none came. */
struct token_answer token_check_take(struct entry *entry);

/* The call will not go on: forgets what it asked. */
void token_check_cancel(struct entry *entry);

#endif
