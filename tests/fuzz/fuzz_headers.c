/* A script of edits on a header list, against the obvious one: two arrays that are searched. Each
 * step is three bytes: what to do, which name, which value. */
#include <stdlib.h>

#include "message/headers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MODEL_MAX = 300 };

static const char *const names[] = {":path", "host",       "cookie", "x-request-id",
				    "x-a",   "x-b",        "",       "content-length",
				    "x-aa",  "set-cookie", "te",     "x-forwarded-for"};

struct model {
	uint8_t name[MODEL_MAX], value[MODEL_MAX];
	unsigned count;
};

static void model_add(struct model *m, uint8_t name, uint8_t value)
{
	m->name[m->count] = name;
	m->value[m->count++] = value;
}

/* Takes out all of a name but, if keep_first, the first. Returns how many there were. */
static unsigned model_remove(struct model *m, uint8_t name, bool keep_first)
{
	unsigned kept = 0, seen = 0;

	for (unsigned i = 0; i < m->count; i++) {
		bool is_it = m->name[i] == name;
		if (is_it && !(keep_first && !seen++))
			continue;
		m->name[kept] = m->name[i];
		m->value[kept++] = m->value[i];
	}
	unsigned removed = m->count - kept;
	m->count = kept;
	return removed;
}

static void model_set(struct model *m, uint8_t name, uint8_t value)
{
	model_remove(m, name, true);
	for (unsigned i = 0; i < m->count; i++) {
		if (m->name[i] == name) {
			m->value[i] = value;
			return;
		}
	}
	model_add(m, name, value);
}

static struct slice value_of(const uint8_t *value)
{
	return slice_make(value, *value % 2); /* some are empty */
}

static void check(const struct headers *headers, const struct model *m, const uint8_t *values)
{
	struct header *h = NULL;
	size_t bytes = 0;

	for (unsigned i = 0; i < m->count; i++) {
		h = headers_next(headers, h);
		invariant(h && slice_equal(header_name(h), slice_of(names[m->name[i]])));
		invariant(slice_equal(header_value(h), value_of(&values[m->value[i]])));
		bytes += h->name_len + h->value_len;
		const struct header *first = headers_find(headers, header_name(h));
		invariant(first && first <= h);
	}
	invariant(!headers_next(headers, h) || !m->count);
	invariant(m->count || !headers_next(headers, NULL));
	invariant(headers_byte_size(headers) == bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t values[256];
	struct model model = {.count = 0};
	struct headers headers, copy;
	struct arena arena;

	for (unsigned i = 0; i < 256; i++)
		values[i] = (uint8_t)i;
	arena_init(&arena, 1024);
	headers_init(&headers, &arena, 0);
	for (size_t at = 0; at + 3 <= size && model.count < MODEL_MAX - 1; at += 3) {
		uint8_t name = data[at + 1] % COUNT_OF(names), value = data[at + 2];
		struct slice text = slice_of(names[name]);
		switch (data[at] % 4) {
		case 0:
		case 1:
			headers_add(&headers, text, value_of(&values[value]));
			model_add(&model, name, value);
			break;
		case 2:
			headers_set(&headers, text, value_of(&values[value]));
			model_set(&model, name, value);
			break;
		default:
			invariant(headers_remove(&headers, text) ==
				  model_remove(&model, name, false));
			break;
		}
		invariant((headers_find(&headers, text) != NULL) ==
			  (headers_get_joined(&headers, text, &arena).data != NULL));
	}
	check(&headers, &model, values);
	headers_copy(&copy, &headers, &arena);
	check(&copy, &model, values);
	arena_free(&arena);
	return 0;
}
