#include "filters/sentinel/core/token_check.h"

#include <stddef.h>

static void wake(struct token_ask *ask)
{
	struct entry *entry = (struct entry *)(void *)((char *)ask - offsetof(struct entry, token));

	if (entry->request.wake)
		entry->request.wake(entry);
}

bool token_check_ask(struct entry *entry)
{
	const struct token_service *service = entry->sentinel->options.tokens;

	entry->token.answer = (struct token_answer){.status = TOKEN_FAIL};
	entry->token.answered = wake;
	if (service)
		service->ask(service->arg, entry->worker, &entry->token);
	entry->asks = entry->token.answer.status == TOKEN_PENDING;
	if (entry->asks)
		entry->wait_ns = atomic_load_explicit(&service->timeout_ns, memory_order_relaxed);
	return !entry->asks;
}

void token_check_cancel(struct entry *entry)
{
	const struct token_service *service = entry->sentinel->options.tokens;

	if (entry->asks && entry->token.answer.status == TOKEN_PENDING)
		service->forget(service->arg, entry->worker, &entry->token);
	entry->asks = false;
}

struct token_answer token_check_take(struct entry *entry)
{
	token_check_cancel(entry);
	if (entry->token.answer.status == TOKEN_PENDING)
		entry->token.answer.status = TOKEN_FAIL;
	return entry->token.answer;
}
