/* What a spool's file may hold: no bytes make the reader look beyond them; what is read is written
 * again as it stood, and so are the requests in it. */
#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "filters/traffic_class/stored_request.h"
#include "spool/spool_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_request(struct slice bytes)
{
	struct stored_request request;
	struct arena arena;

	arena_init(&arena, 1024);
	if (!stored_request_read(&request, bytes, &arena)) {
		size_t size = stored_request_size(request.cluster, &request.headers);
		invariant(size + request.body.len == bytes.len);
		char *again = malloc(size);
		invariant(again);
		stored_request_write(again, request.cluster, &request.headers);
		invariant(!memcmp(again, bytes.data, size));
		free(again);
	}
	arena_free(&arena);
}

static void check_record(const struct spool_record *record, struct slice bytes)
{
	char front[SPOOL_REQUEST_FRONT];
	size_t n = spool_record_write(front, record);

	invariant(spool_record_size(record) == bytes.len);
	invariant(!memcmp(front, bytes.data, n));
	if (record->type == SPOOL_REQUEST)
		check_request(record->bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* in memory of its own, so that reading beyond it is seen */
	char *copy = malloc(size ? size : 1);
	struct slice rest = slice_make(copy, size);
	struct spool_record record;
	ssize_t n;

	invariant(copy);
	if (size)
		memcpy(copy, data, size);
	check_request(rest);
	while ((n = spool_record_read(rest, &record)) > 0) {
		check_record(&record, slice_sub(rest, 0, (size_t)n));
		rest = slice_sub(rest, (size_t)n, rest.len);
	}
	invariant(n == STATUS_AGAIN || n == STATUS_MALFORMED);
	free(copy);
	return 0;
}
