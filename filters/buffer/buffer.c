#include "filters/buffer/buffer.h"

enum filter_status buffer_request_headers(struct filter *f, struct headers *headers, bool end)
{
	const struct buffer_config *config = f->config;
	struct buffer *own = f->state;

	(void)headers;
	if (end || config->is_disabled)
		return FILTER_CONTINUE;
	filter_set_buffer_limit(f, config->max_bytes);
	own->is_holding = true;
	return FILTER_BUFFER;
}

/* The length is known now: what was chunked need not be so on its way on. */
static void set_length(struct filter *f, struct headers *headers)
{
	const struct buffer *own = f->state;

	if (headers_has(headers, HEADER_CONTENT_LENGTH))
		return;
	headers_remove_id(headers, HEADER_TRANSFER_ENCODING);
	headers_add_id(
		headers, HEADER_CONTENT_LENGTH,
		slice_of(arena_printf(filter_arena(f), "%llu", (unsigned long long)own->len)));
}

enum filter_status buffer_request_data(struct filter *f, struct buf *data, bool end)
{
	struct buffer *own = f->state;

	if (!own->is_holding)
		return FILTER_CONTINUE;
	own->len += data->len;
	if (!end)
		return FILTER_BUFFER;
	set_length(f, filter_request(f));
	return FILTER_CONTINUE;
}
