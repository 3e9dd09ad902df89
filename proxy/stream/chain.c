#include "stream/chain.h"

#include "routing/route.h"
#include "stream/extension.h"
#include "stream/reply.h"
#include "stream/session.h"
#include "stream/stream.h"

/* A part of a message in order: headers, data, trailers; `end` belongs to the last that is there.
 */
struct message_part {
	struct headers *headers, *trailers;
	struct buf data;
	bool has_data, end;
};

struct filter_hold {
	struct message_part seen, unseen;
	bool is_paused;
};

static struct filter_hold *hold_get(struct filter *f, enum direction direction)
{
	struct filter_hold *hold = f->hold[direction];
	if (!hold) {
		hold = ARENA_NEW(&f->stream->arena, struct filter_hold);
		buf_init(&hold->seen.data, &f->stream->worker->loop->pool);
		buf_init(&hold->unseen.data, &f->stream->worker->loop->pool);
		f->hold[direction] = hold;
		f->stream->has_holds = true;
	}
	return hold;
}

static bool part_is_empty(const struct message_part *part)
{
	return !part->headers && !part->trailers && !part->has_data && !part->end;
}

static void part_add_data(struct message_part *part, struct buf *data, bool end)
{
	buf_move_all(&part->data, data);
	buf_own(&part->data);
	part->has_data = true;
	part->end = end;
}

static struct message_part part_take(struct message_part *part)
{
	struct message_part taken = *part;
	struct buf_pool *pool = part->data.pool;
	*part = (struct message_part){0};
	buf_init(&part->data, pool);
	return taken;
}

static bool is_void(const struct stream *s, enum direction direction, uint16_t epoch)
{
	return s->state != STREAM_OPEN || s->epoch[direction] != epoch;
}

static struct filter *filter_at(struct stream *s, unsigned i)
{
	return i < s->filter_count ? &s->filters[i] : NULL;
}

/* Down from 0 the index wraps, which filter_at takes for "past the end". */
static unsigned after(enum direction direction, unsigned i)
{
	return direction == DIRECTION_REQUEST ? i + 1 : i - 1;
}

static unsigned first(const struct stream *s, enum direction direction)
{
	return direction == DIRECTION_REQUEST ? 0 : s->filter_count - 1u;
}

static void pause_direction(struct stream *s, enum direction direction)
{
	if (direction == DIRECTION_REQUEST)
		stream_request_pause(s);
	else
		stream_response_pause(s);
}

static void resume_direction(struct stream *s, enum direction direction)
{
	if (direction == DIRECTION_REQUEST)
		stream_request_resume(s);
	else
		stream_response_resume(s);
}

static void too_large(struct stream *s, enum direction direction)
{
	reply_send_reason(s,
			  direction == DIRECTION_REQUEST ? REPLY_PAYLOAD_TOO_LARGE
							 : REPLY_RESPONSE_TOO_LARGE,
			  (struct slice){0});
}

static void run_headers(struct stream *s, enum direction direction, unsigned i,
			struct headers *headers, bool end);
static void run_data(struct stream *s, enum direction direction, unsigned i, struct buf *data,
		     bool end);
static void run_trailers(struct stream *s, enum direction direction, unsigned i,
			 struct headers *trailers);

/* Shows a part to filter i and those after it. */
static void run_part(struct stream *s, enum direction direction, unsigned i,
		     struct message_part *part)
{
	uint16_t epoch = s->epoch[direction];

	if (part->headers)
		run_headers(s, direction, i, part->headers,
			    part->end && !part->has_data && !part->trailers);
	if (part->has_data && !is_void(s, direction, epoch))
		run_data(s, direction, i, &part->data, part->end && !part->trailers);
	if (part->trailers && !is_void(s, direction, epoch))
		run_trailers(s, direction, i, part->trailers);
	buf_clear(&part->data);
}

static void release(struct stream *s, enum direction direction, unsigned i)
{
	struct message_part part = part_take(&s->filters[i].hold[direction]->seen);
	run_part(s, direction, after(direction, i), &part);
}

/* What a filter said of an event that is in its `seen` now. */
static void held(struct stream *s, enum direction direction, struct filter *f,
		 enum filter_status status)
{
	struct filter_hold *hold = f->hold[direction];
	if (status == FILTER_PAUSE) {
		hold->is_paused = true;
		pause_direction(s, direction);
	} else if (hold->seen.data.len > s->buffer_limit) {
		too_large(s, direction);
	}
}

static bool is_holding(const struct filter *f, enum direction direction)
{
	return UNLIKELY(f->hold[direction] != NULL) && !part_is_empty(&f->hold[direction]->seen);
}

static bool is_paused(const struct filter *f, enum direction direction)
{
	return UNLIKELY(f->hold[direction] != NULL) && f->hold[direction]->is_paused;
}

static void run_headers(struct stream *s, enum direction direction, unsigned i,
			struct headers *headers, bool end)
{
	uint16_t epoch = s->epoch[direction];

	for (struct filter *f; (f = filter_at(s, i)); i = after(direction, i)) {
		enum filter_status (*show)(struct filter *, struct headers *, bool) =
			direction == DIRECTION_REQUEST ? f->type->request_headers
						       : f->type->response_headers;
		f->is_showing = true;
		enum filter_status status = show ? show(f, headers, end) : FILTER_CONTINUE;
		f->is_showing = false;
		if (status == FILTER_REPLIED || is_void(s, direction, epoch))
			return;
		bool has_injected = is_holding(f, direction);
		if (status == FILTER_CONTINUE && !has_injected)
			continue;
		struct message_part *seen = &hold_get(f, direction)->seen;
		seen->headers = headers;
		seen->end = has_injected ? seen->end : end;
		if (status == FILTER_CONTINUE)
			release(s, direction, i);
		else
			held(s, direction, f, status);
		return;
	}
	if (direction == DIRECTION_RESPONSE)
		session_send_headers(s, headers, end);
}

static void run_data(struct stream *s, enum direction direction, unsigned i, struct buf *data,
		     bool end)
{
	uint16_t epoch = s->epoch[direction];

	for (struct filter *f; (f = filter_at(s, i)); i = after(direction, i)) {
		if (is_paused(f, direction)) {
			part_add_data(&f->hold[direction]->unseen, data, end);
			return;
		}
		enum filter_status (*show)(struct filter *, struct buf *, bool) =
			direction == DIRECTION_REQUEST ? f->type->request_data
						       : f->type->response_data;
		enum filter_status status = show ? show(f, data, end) : FILTER_CONTINUE;
		if (status == FILTER_REPLIED || is_void(s, direction, epoch))
			return;
		if (status == FILTER_CONTINUE && !is_holding(f, direction))
			continue;
		struct message_part *seen = &hold_get(f, direction)->seen;
		part_add_data(seen, data, end);
		if (status != FILTER_CONTINUE)
			held(s, direction, f, status);
		else if (seen->data.len > s->buffer_limit)
			too_large(s, direction);
		else
			release(s, direction, i);
		return;
	}
	if (direction == DIRECTION_RESPONSE)
		session_send_data(s, data, end);
}

static void run_trailers(struct stream *s, enum direction direction, unsigned i,
			 struct headers *trailers)
{
	uint16_t epoch = s->epoch[direction];

	for (struct filter *f; (f = filter_at(s, i)); i = after(direction, i)) {
		if (is_paused(f, direction)) {
			f->hold[direction]->unseen.trailers = trailers;
			f->hold[direction]->unseen.end = true;
			return;
		}
		enum filter_status (*show)(struct filter *, struct headers *) =
			direction == DIRECTION_REQUEST ? f->type->request_trailers
						       : f->type->response_trailers;
		enum filter_status status = show ? show(f, trailers) : FILTER_CONTINUE;
		if (status == FILTER_REPLIED || is_void(s, direction, epoch))
			return;
		if (status == FILTER_CONTINUE && !is_holding(f, direction))
			continue;
		struct message_part *seen = &hold_get(f, direction)->seen;
		seen->trailers = trailers;
		seen->end = true;
		if (status == FILTER_CONTINUE)
			release(s, direction, i);
		else
			held(s, direction, f, status);
		return;
	}
	if (direction == DIRECTION_RESPONSE)
		session_send_trailers(s, trailers);
}

static const struct chain_config *config_of(const struct stream *s)
{
	return &s->session->config->chain;
}

/* A request goes straight to its terminal filter. */
static bool is_single(const struct stream *s)
{
	return config_of(s)->is_single && s->filter_count;
}

void chain_headers(struct stream *s, enum direction direction, struct headers *headers, bool end)
{
	if (direction == DIRECTION_RESPONSE && !config_of(s)->has_response_headers && !s->has_holds)
		session_send_headers(s, headers, end);
	else if (direction == DIRECTION_REQUEST && is_single(s))
		s->filters->type->request_headers(s->filters, headers, end);
	else
		run_headers(s, direction, first(s, direction), headers, end);
}

void chain_data(struct stream *s, enum direction direction, struct buf *data, bool end)
{
	if (direction == DIRECTION_RESPONSE && !config_of(s)->has_response_data && !s->has_holds)
		session_send_data(s, data, end);
	else if (direction == DIRECTION_REQUEST && is_single(s))
		s->filters->type->request_data(s->filters, data, end);
	else
		run_data(s, direction, first(s, direction), data, end);
}

void chain_trailers(struct stream *s, enum direction direction, struct headers *trailers)
{
	if (direction == DIRECTION_RESPONSE && !config_of(s)->has_response_trailers &&
	    !s->has_holds)
		session_send_trailers(s, trailers);
	else if (direction == DIRECTION_REQUEST && is_single(s))
		s->filters->type->request_trailers(s->filters, trailers);
	else
		run_trailers(s, direction, first(s, direction), trailers);
}

bool chain_passes_data(const struct stream *s, enum direction direction)
{
	const struct chain_config *chain = config_of(s);
	bool is_seen =
		direction == DIRECTION_REQUEST ? chain->has_request_data : chain->has_response_data;
	return !is_seen && !s->has_holds;
}

void chain_headers_from(struct stream *s, enum direction direction, unsigned from,
			struct headers *headers, bool end)
{
	run_headers(s, direction, after(direction, from), headers, end);
}

void chain_data_from(struct stream *s, enum direction direction, unsigned from, struct buf *data,
		     bool end)
{
	run_data(s, direction, after(direction, from), data, end);
}

static unsigned index_of(const struct filter *f)
{
	return (unsigned)(f - f->stream->filters);
}

void filter_resume(struct filter *f, enum direction direction)
{
	struct stream *s = f->stream;
	uint16_t epoch = s->epoch[direction];

	if (!is_paused(f, direction) || !stream_is_open(s))
		return;
	f->hold[direction]->is_paused = false;
	release(s, direction, index_of(f));
	if (!is_void(s, direction, epoch)) {
		struct message_part unseen = part_take(&f->hold[direction]->unseen);
		run_part(s, direction, index_of(f), &unseen);
	}
	resume_direction(s, direction); /* this pause ends, whatever has become of the message */
}

void filter_inject(struct filter *f, enum direction direction, struct buf *data, bool end)
{
	if (!f->is_showing && !is_holding(f, direction) && !is_paused(f, direction)) {
		chain_data_from(f->stream, direction, index_of(f), data, end);
		return;
	}
	struct message_part *seen = &hold_get(f, direction)->seen;
	part_add_data(seen, data, end || seen->end);
}

void chain_cancel(struct stream *s, enum direction direction)
{
	s->epoch[direction]++;
	if (LIKELY(!s->has_holds))
		return;
	for (unsigned i = 0; i < s->filter_count; i++) {
		struct filter_hold *hold = s->filters[i].hold[direction];
		if (!hold)
			continue;
		buf_clear(&hold->seen.data);
		buf_clear(&hold->unseen.data);
		bool was_paused = hold->is_paused;
		s->filters[i].hold[direction] = NULL;
		if (was_paused)
			resume_direction(s, direction);
	}
}

static size_t state_size(const struct filter_type *type)
{
	return (type->state_size + 7) & ~(size_t)7;
}

static bool has_request_callbacks(const struct filter_type *type)
{
	return type->is_terminal && type->request_headers && type->request_data &&
	       type->request_trailers;
}

/* Who is shown a request may look at all of it. */
static bool asks_attachments(const struct chain_entry *entry, enum direction direction)
{
	const struct filter_type *type = entry->type;
	bool is_shown = direction == DIRECTION_REQUEST || type->response_headers ||
			type->response_data || type->response_trailers || type->log;

	if (type->is_terminal || !is_shown)
		return false;
	return entry->discovered || !type->asks_attachments ||
	       type->asks_attachments(entry->config, direction);
}

/* Of one that is discovered with any configuration: it is still to come. */
static void note_entry(struct chain_config *chain, const struct chain_entry *entry)
{
	const struct filter_type *type = entry->type;
	bool reads =
		entry->discovered || !type->reads_answers || type->reads_answers(entry->config);

	chain->has_response_headers |= type->response_headers && reads;
	chain->has_authority |= type->is_authority;
	chain->has_limiter |= type->is_limiter;
	chain->has_request_data |= type->request_data && !type->is_terminal;
	chain->has_response_data |= type->response_data && reads;
	chain->has_response_trailers |= type->response_trailers && reads;
	chain->has_policies |= type->policy && !type->is_policy_on_demand;
	chain->has_log |= type->log != NULL;
	for (unsigned direction = 0; direction < 2; direction++)
		chain->asks_attachments[direction] |=
			asks_attachments(entry, (enum direction)direction);
}

/* Of any of its types. */
static void note_discovered(struct chain_config *chain, const struct chain_entry *discovered)
{
	struct chain_entry entry = *discovered;
	size_t size = 0;

	for (unsigned i = 0; i < entry.discovered->type_count; i++) {
		entry.type = entry.discovered->types[i];
		note_entry(chain, &entry);
		if (state_size(entry.type) > size)
			size = state_size(entry.type);
	}
	chain->states_size += size;
	chain->has_discovered = true;
}

void chain_config_init(struct chain_config *chain, const struct chain_entry *entries,
		       unsigned count)
{
	invariant(count <= CHAIN_FILTERS_MAX);
	*chain = (struct chain_config){
		.entries = entries,
		.count = count,
		.states_size = count * sizeof(struct filter),
		.is_single =
			count == 1 && !entries->discovered && has_request_callbacks(entries->type),
	};
	for (unsigned i = 0; i < count; i++) {
		if (entries[i].discovered) {
			note_discovered(chain, &entries[i]);
			continue;
		}
		note_entry(chain, &entries[i]);
		chain->states_size += state_size(entries[i].type);
	}
	if (chain->has_discovered)
		chain->states_size += count * sizeof(struct pin *);
}

/* Of zeroed memory. */
static void filter_set(struct filter *f, struct stream *s, const struct chain_entry *entry,
		       const void *config, void *state)
{
	f->type = entry->type;
	f->config = config;
	f->entry = entry;
	f->state = state;
	f->stream = s;
}

/* Of the filters that are discovered, by their places: behind all filters. NULL: none was pinned.
 */
static struct pin **pins_of(struct filter *filters, const struct chain_config *chain)
{
	return (struct pin **)(void *)(filters + chain->count);
}

static void drop_pins(struct stream *s)
{
	const struct chain_config *chain = config_of(s);
	struct pin **pins = pins_of(s->filters, chain);

	for (unsigned i = 0; i < chain->count; i++)
		if (pins[i])
			pin_drop(pins[i]);
}

void chain_open(struct stream *s, const struct chain_config *chain)
{
	char *room = arena_zalloc(&s->arena, chain->states_size);
	bool has_own = s->route && s->route->has_filter_configs;
	const struct chain_entry *entries = chain->entries;
	unsigned used = 0, count = chain->count;

	s->filters = (struct filter *)(void *)room;
	room += count * sizeof(struct filter);
	if (LIKELY(chain->is_single && !has_own && !entries->is_disabled)) {
		filter_set(s->filters, s, entries, entries->config, room);
		s->filter_count = 1;
		if (entries->type->open)
			entries->type->open(s->filters);
		return;
	}
	struct pin **pins = pins_of(s->filters, chain);
	if (UNLIKELY(chain->has_discovered))
		room += count * sizeof *pins;
	for (unsigned i = 0; i < count; i++) {
		const struct chain_entry *entry = &entries[i];
		bool is_disabled = entry->is_disabled;
		const struct filter_config *own =
			has_own ? route_filter_config(s->route, NULL, entry->name) : NULL;
		if (own)
			is_disabled = own->is_disabled || (is_disabled && !own->is_enabled);
		if (is_disabled)
			continue;
		if (UNLIKELY(entry->discovered != NULL))
			entry = extension_entry(entry, &s->worker->pins, &pins[i]);
		bool is_own = own && own->config && (!own->type || own->type == entry->type);
		filter_set(&s->filters[used++], s, entry, is_own ? own->config : entry->config,
			   room);
		room += state_size(entry->type);
	}
	s->filter_count = (uint8_t)used;
	for (unsigned i = 0; i < used; i++)
		if (s->filters[i].type->open)
			s->filters[i].type->open(&s->filters[i]);
}

void chain_close(struct stream *s)
{
	chain_cancel(s, DIRECTION_REQUEST);
	chain_cancel(s, DIRECTION_RESPONSE);
	for (unsigned i = 0; config_of(s)->has_log && i < s->filter_count; i++)
		if (s->filters[i].type->log)
			s->filters[i].type->log(&s->filters[i]);
	for (unsigned i = 0; i < s->filter_count; i++)
		if (s->filters[i].type->close)
			s->filters[i].type->close(&s->filters[i]);
	if (UNLIKELY(config_of(s)->has_discovered) && s->filters)
		drop_pins(s);
}
