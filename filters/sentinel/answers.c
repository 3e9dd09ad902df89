#include "filters/sentinel/answers.h"

#include <stdlib.h>

#include "base/attributes.h"
#include "base/hash.h"

enum { HEADS_FIRST = 64 };

struct answers {
	_Alignas(64) struct list_node order;
	struct kept_answer **heads; /* NULL: nothing was ever put */
	uint32_t mask, count;
	size_t bytes;
};

struct answers *answers_new(unsigned workers)
{
	struct answers *all = aligned_alloc(64, workers * sizeof *all);

	invariant(all);
	for (unsigned i = 0; i < workers; i++) {
		all[i] = (struct answers){.heads = NULL};
		list_init(&all[i].order);
	}
	return all;
}

struct answers *answers_of(struct answers *all, unsigned worker)
{
	return &all[worker];
}

uint32_t answers_count(const struct answers *answers)
{
	return answers->count;
}

size_t answers_bytes(const struct answers *answers)
{
	return answers->bytes;
}

/* Where the answer with that key is pointed at, or would be. There are heads. */
static struct kept_answer **place(const struct answers *answers, struct slice key, uint64_t hash)
{
	struct kept_answer **at = &answers->heads[hash & answers->mask];

	while (*at && !((*at)->hash == hash && slice_equal((*at)->key, key)))
		at = &(*at)->same_head;
	return at;
}

const struct kept_answer *answers_find(const struct answers *answers, struct slice key)
{
	return answers->heads ? *place(answers, key, hash_bytes(key)) : NULL;
}

static void drop(struct answers *answers, struct kept_answer *answer)
{
	struct kept_answer **at = place(answers, answer->key, answer->hash);

	*at = answer->same_head;
	list_remove(&answer->link);
	answers->count--;
	answers->bytes -= answer->size;
	free(answer);
}

static void drop_oldest(struct answers *answers)
{
	drop(answers, container_of(answers->order.next, struct kept_answer, link));
}

void answers_free(struct answers *all, unsigned workers)
{
	for (unsigned i = 0; i < workers; i++) {
		while (!list_is_empty(&all[i].order))
			drop_oldest(&all[i]);
		free(all[i].heads);
	}
	free(all);
}

/* --- one more --- */

static COLD void grow(struct answers *answers)
{
	uint32_t size = answers->heads ? 2 * (answers->mask + 1) : HEADS_FIRST;

	free(answers->heads);
	answers->heads = calloc(size, sizeof(struct kept_answer *));
	invariant(answers->heads);
	answers->mask = size - 1;
	for (struct list_node *n = answers->order.next; n != &answers->order; n = n->next) {
		struct kept_answer *answer = container_of(n, struct kept_answer, link);
		struct kept_answer **head = &answers->heads[answer->hash & answers->mask];
		answer->same_head = *head;
		*head = answer;
	}
}

struct copier {
	char *at;
};

static struct slice copy(struct copier *copier, struct slice text)
{
	char *to = copier->at;

	if (text.len)
		memcpy(to, text.data, text.len);
	copier->at += text.len;
	return slice_make(to, text.len);
}

static uint32_t count_fields(const struct headers *headers)
{
	uint32_t count = 0;

	for (const struct header *h = NULL; (h = headers_next(headers, (struct header *)h));)
		count++;
	return count;
}

static size_t size_of(const struct answer_parts *parts, uint32_t fields)
{
	return sizeof(struct kept_answer) + fields * sizeof(struct answer_field) + parts->key.len +
	       parts->varies.len + headers_byte_size(parts->headers) + parts->body.len;
}

static struct kept_answer *make(const struct answer_parts *parts, uint32_t fields, size_t size)
{
	struct kept_answer *answer = malloc(size);

	invariant(answer);
	struct copier copier = {(char *)&answer->fields[fields]};
	*answer = (struct kept_answer){
		.hash = hash_bytes(parts->key),
		.put_ms = parts->now_ms,
		.size = size,
		.key = copy(&copier, parts->key),
		.body = copy(&copier, parts->body),
		.varies = copy(&copier, parts->varies),
	};
	for (const struct header *h = NULL;
	     (h = headers_next(parts->headers, (struct header *)h));) {
		answer->fields[answer->field_count++] = (struct answer_field){
			.name = copy(&copier, header_name(h)),
			.value = copy(&copier, header_value(h)),
		};
	}
	rpc_answer_keep(&answer->rpc, parts->headers->rpc);
	return answer;
}

bool answers_put(struct answers *answers, const struct answer_parts *parts, size_t bytes_max)
{
	uint32_t fields = count_fields(parts->headers);
	size_t size = size_of(parts, fields);

	if (size > bytes_max || parts->key.len > ANSWER_KEY_MAX)
		return false;
	if (UNLIKELY(!answers->heads || answers->count > answers->mask))
		grow(answers);
	struct kept_answer *answer = make(parts, fields, size);
	struct kept_answer **at = place(answers, answer->key, answer->hash);
	if (*at)
		drop(answers, *at);
	while (answers->bytes + size > bytes_max)
		drop_oldest(answers);
	at = place(answers, answer->key, answer->hash);
	answer->same_head = *at;
	*at = answer;
	list_push_back(&answers->order, &answer->link);
	answers->count++;
	answers->bytes += size;
	return true;
}
