#include "filters/sentinel/names.h"

#include <stdlib.h>

#include "base/attributes.h"
#include "base/hash.h"

#define DEFAULT_CONTEXT "sentinel_default_context"
#define WEB_CONTEXT "sentinel_spring_web_context"

enum {
	MEMO_CALLS_MAX = 8192,
	MEMO_SLOTS_FIRST = 64,
	MEMO_PROBES = 32,      /* slots that are looked at: callers may send names of one hash */
	LONGEST_PRIMITIVE = 7, /* "boolean" */
};

struct call_names {
	uint64_t hash;
	struct sentinel_naming naming;
	struct sentinel_call call; /* copies */
	struct sentinel_names names;
};

struct sentinel_memo {
	_Alignas(64) struct arena arena;
	struct call_names **slots; /* open addressing, at most half full */
	uint32_t mask, count;
	const struct context *web, *outbound; /* NULL: not asked for yet */
};

struct sentinel_memo *sentinel_memos_new(unsigned workers)
{
	struct sentinel_memo *memos = aligned_alloc(64, workers * sizeof *memos);

	invariant(memos);
	for (unsigned i = 0; i < workers; i++) {
		memos[i] = (struct sentinel_memo){.slots = NULL};
		arena_init(&memos[i].arena, 4096);
	}
	return memos;
}

void sentinel_memos_free(struct sentinel_memo *memos, unsigned workers)
{
	for (unsigned i = 0; i < workers; i++) {
		arena_free(&memos[i].arena);
		free(memos[i].slots);
	}
	free(memos);
}

struct sentinel_memo *sentinel_memo_of(struct sentinel_memo *memos, unsigned worker)
{
	return &memos[worker];
}

/* --- what was named before --- */

/* Of a name with less than 8 bytes all of it. */
static uint64_t short_piece(struct slice text)
{
	const unsigned char *bytes = (const unsigned char *)text.data;
	uint32_t first, last;

	if (text.len < sizeof first)
		return text.len ? (uint64_t)bytes[0] << 16 | (uint64_t)bytes[text.len / 2] << 8 |
					  bytes[text.len - 1]
				: 0;
	memcpy(&first, bytes, sizeof first);
	memcpy(&last, bytes + text.len - sizeof last, sizeof last);
	return (uint64_t)first << 32 | last;
}

static inline uint64_t piece_of(struct slice text, size_t at)
{
	uint64_t piece;

	if (text.len < sizeof piece)
		return short_piece(text);
	memcpy(&piece, text.data + at, sizeof piece);
	return piece;
}

static inline uint64_t tail_of(struct slice text, size_t n)
{
	return piece_of(text, text.len > n ? text.len - n : 0);
}

/* One service has many of them where each tenant has its group, or each release its version. */
static inline uint64_t hash_variant(const struct sentinel_call *call)
{
	return piece_of(call->version, 0) * UINT64_C(0xff51afd7ed558ccd) +
	       tail_of(call->version, 8) * UINT64_C(0xc4ceb9fe1a85ec53) +
	       piece_of(call->group, 0) * UINT64_C(0x9fb21c651e98df25) +
	       tail_of(call->group, 8) * UINT64_C(0xa0761d6478bd642f) +
	       ((uint64_t)call->version.len << 40 ^ (uint64_t)call->group.len << 24);
}

/* By lengths, beginnings and ends; services of one company differ in their last 16 bytes. What it
 * can't tell apart is compared. */
static uint64_t hash_call(const struct sentinel_call *call)
{
	uint64_t lengths = (uint64_t)call->types.len << 32 ^ (uint64_t)call->service.len << 16 ^
			   (uint64_t)call->method.len;

	return hash_uint64(piece_of(call->method, 0) * UINT64_C(0x9e3779b97f4a7c15) +
			   tail_of(call->method, 8) * UINT64_C(0xc2b2ae3d27d4eb4f) +
			   tail_of(call->service, 8) * UINT64_C(0x165667b19e3779f9) +
			   tail_of(call->service, 16) * UINT64_C(0x85ebca77c2b2ae63) +
			   tail_of(call->types, 8) * UINT64_C(0xd6e8feb86659fd93) +
			   hash_variant(call) + lengths);
}

static bool is_same_naming(const struct sentinel_naming *a, const struct sentinel_naming *b)
{
	return a->is_outbound == b->is_outbound &&
	       a->has_version_and_group == b->has_version_and_group &&
	       a->has_prefix == b->has_prefix;
}

static bool is_same_call(const struct sentinel_call *a, const struct sentinel_call *b)
{
	return a->is_bolt == b->is_bolt && a->has_type_names == b->has_type_names &&
	       slice_equal(a->method, b->method) && slice_equal(a->types, b->types) &&
	       slice_equal(a->service, b->service) && slice_equal(a->version, b->version) &&
	       slice_equal(a->group, b->group);
}

/* Where it is, or belongs; NULL: too many are where it belongs. The memo has slots. */
static struct call_names **place(const struct sentinel_memo *memo, uint64_t hash,
				 const struct sentinel_naming *naming,
				 const struct sentinel_call *call)
{
	for (uint32_t n = 0; n < MEMO_PROBES; n++) {
		struct call_names **at = &memo->slots[((uint32_t)hash + n) & memo->mask];
		if (!*at || ((*at)->hash == hash && is_same_naming(&(*at)->naming, naming) &&
			     is_same_call(&(*at)->call, call)))
			return at;
	}
	return NULL;
}

static COLD void grow(struct sentinel_memo *memo)
{
	uint32_t before = memo->slots ? memo->mask + 1 : 0;
	uint32_t size = before ? 2 * before : MEMO_SLOTS_FIRST;
	struct call_names **old = memo->slots;

	memo->slots = calloc(size, sizeof(struct call_names *));
	invariant(memo->slots);
	memo->mask = size - 1;
	for (uint32_t i = 0; i < before; i++) {
		struct call_names **at =
			old[i] ? place(memo, old[i]->hash, &old[i]->naming, &old[i]->call) : NULL;
		if (at)
			*at = old[i];
	}
	free(old);
}

static void remember(struct sentinel_memo *memo, uint64_t hash,
		     const struct sentinel_naming *naming, const struct sentinel_call *call,
		     const struct sentinel_names *names)
{
	struct call_names *made, **at;

	if (memo->count == MEMO_CALLS_MAX)
		return;
	if (!memo->slots || 2 * memo->count > memo->mask)
		grow(memo);
	at = place(memo, hash, naming, call);
	if (!at)
		return;
	made = ARENA_NEW(&memo->arena, struct call_names);
	*made = (struct call_names){
		.hash = hash,
		.naming = *naming,
		.call =
			{
				.is_bolt = call->is_bolt,
				.has_type_names = call->has_type_names,
				.service = arena_slice(&memo->arena, call->service),
				.version = arena_slice(&memo->arena, call->version),
				.group = arena_slice(&memo->arena, call->group),
				.method = arena_slice(&memo->arena, call->method),
				.types = arena_slice(&memo->arena, call->types),
			},
		.names = *names,
	};
	*at = made;
	memo->count++;
}

/* --- names --- */

struct writer {
	char *text;
	size_t len;
};

static void put(struct writer *writer, struct slice text)
{
	if (text.len)
		memcpy(writer->text + writer->len, text.data, text.len);
	writer->len += text.len;
}

static struct slice primitive(char descriptor)
{
	switch (descriptor) {
	case 'Z':
		return SLICE("boolean");
	case 'B':
		return SLICE("byte");
	case 'C':
		return SLICE("char");
	case 'D':
		return SLICE("double");
	case 'F':
		return SLICE("float");
	case 'I':
		return SLICE("int");
	case 'J':
		return SLICE("long");
	case 'S':
		return SLICE("short");
	case 'V':
		return SLICE("void");
	default:
		return (struct slice){NULL, 0};
	}
}

size_t sentinel_descriptor_end(struct slice text, size_t from)
{
	size_t at = from;

	while (at < text.len && text.data[at] == '[')
		at++;
	if (at == text.len)
		return from;
	if (text.data[at] != 'L')
		return primitive(text.data[at]).len ? at + 1 : from;
	at = slice_find_char(text, ';', at);
	return at < text.len ? at + 1 : from;
}

static void put_type(struct writer *writer, struct slice descriptor)
{
	bool is_class = descriptor.data[0] == 'L';

	if (descriptor.len == 1) {
		put(writer, primitive(descriptor.data[0]));
		return;
	}
	if (is_class)
		descriptor = slice_sub(descriptor, 1, descriptor.len - 1);
	for (size_t i = 0; i < descriptor.len; i++)
		writer->text[writer->len++] = descriptor.data[i] == '/' ? '.' : descriptor.data[i];
}

struct slice sentinel_type_names(struct slice descriptors, struct arena *arena)
{
	struct writer writer = {arena_alloc(arena, descriptors.len * (LONGEST_PRIMITIVE + 1)), 0};
	size_t end;

	for (size_t at = 0; (end = sentinel_descriptor_end(descriptors, at)) > at; at = end) {
		if (at)
			put(&writer, SLICE(","));
		put_type(&writer, slice_sub(descriptors, at, end));
	}
	return slice_make(writer.text, writer.len);
}

static struct slice interface_name(const struct sentinel_naming *naming,
				   const struct sentinel_call *call, struct arena *arena)
{
	struct slice version = call->version;

	if (call->is_bolt || !naming->has_version_and_group)
		return call->service;
	if (slice_equal(version, SLICE("0.0.0")))
		version = SLICE("");
	return slice_of(arena_printf(arena, "%.*s:%.*s:%.*s", SLICE_FMT(call->service),
				     SLICE_FMT(version), SLICE_FMT(call->group)));
}

static const char *prefix_of(const struct sentinel_naming *naming, const struct sentinel_call *call)
{
	if (call->is_bolt || !naming->has_prefix)
		return "";
	return naming->is_outbound ? "dubbo:consumer:" : "dubbo:provider:";
}

/* A context that every request of a kind has. */
static const struct context *usual_context(const struct sentinel_namer *namer, struct slice name,
					   const struct context **known)
{
	if (UNLIKELY(!*known))
		*known = sentinel_context(namer->core, name);
	return *known;
}

static const struct context *context_of(const struct sentinel_namer *namer, enum resource_type type,
					struct slice name)
{
	if (namer->naming->is_outbound || type == RESOURCE_COMMON)
		return usual_context(namer, SLICE(DEFAULT_CONTEXT), &namer->memo->outbound);
	if (type == RESOURCE_WEB)
		return usual_context(namer, SLICE(WEB_CONTEXT), &namer->memo->web);
	return sentinel_context(namer->core, name);
}

static COLD void make_names(struct sentinel_names *names, const struct sentinel_namer *namer,
			    const struct sentinel_call *call)
{
	struct arena *arena = namer->scratch;
	struct slice types =
		call->has_type_names ? call->types : sentinel_type_names(call->types, arena);
	struct slice interface = interface_name(namer->naming, call, arena);
	const char *prefix = prefix_of(namer->naming, call);
	struct slice outer = slice_of(arena_printf(arena, "%s%.*s", prefix, SLICE_FMT(interface)));
	struct slice inner = slice_of(arena_printf(arena, "%s%.*s%c%.*s(%.*s)", prefix,
						   SLICE_FMT(interface), call->is_bolt ? '#' : ':',
						   SLICE_FMT(call->method), SLICE_FMT(types)));

	*names = (struct sentinel_names){
		.resources = {sentinel_resource(namer->core, outer, RESOURCE_RPC, namer->now_ms),
			      sentinel_resource(namer->core, inner, RESOURCE_RPC, namer->now_ms)},
		.count = 2,
		.context = context_of(namer, RESOURCE_RPC, inner),
	};
}

void sentinel_name_call(struct sentinel_names *names, const struct sentinel_namer *namer,
			const struct sentinel_call *call)
{
	struct sentinel_memo *memo = namer->memo;
	uint64_t hash = hash_call(call);
	struct call_names **known =
		LIKELY(memo->slots != NULL) ? place(memo, hash, namer->naming, call) : NULL;

	if (LIKELY(known && *known)) {
		*names = (*known)->names;
		return;
	}
	make_names(names, namer, call);
	remember(memo, hash, namer->naming, call, names);
}

void sentinel_name_resources(struct sentinel_names *names, const struct sentinel_namer *namer,
			     const struct slice *texts, uint32_t count, enum resource_type type)
{
	*names = (struct sentinel_names){
		.count = count,
		.context = context_of(namer, type, texts[count - 1]),
	};
	for (uint32_t i = 0; i < count; i++)
		names->resources[i] = sentinel_resource(namer->core, texts[i], type, namer->now_ms);
}

void sentinel_name_request(struct sentinel_names *names, const struct sentinel_namer *namer,
			   struct slice name, enum resource_type type)
{
	sentinel_name_resources(names, namer, &name, 1, type);
}
