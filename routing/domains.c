#include "routing/domains.h"

#include "routing/string_matcher.h"

enum { HOST_ON_STACK = 256 };

struct domains_builder {
	struct name_map seen; /* every domain as it is written, in lower case */
	struct literal_trie_key *exact, *suffixes, *prefixes;
	size_t exact_count, suffix_count, prefix_count;
	uint32_t any;
};

struct domains_builder *domains_builder_new(size_t capacity, struct arena *scratch)
{
	struct domains_builder *b = ARENA_NEW(scratch, struct domains_builder);

	name_map_init(&b->seen, capacity, scratch);
	b->exact = ARENA_NEW_ARRAY(scratch, struct literal_trie_key, capacity);
	b->suffixes = ARENA_NEW_ARRAY(scratch, struct literal_trie_key, capacity);
	b->prefixes = ARENA_NEW_ARRAY(scratch, struct literal_trie_key, capacity);
	b->any = DOMAINS_NONE;
	return b;
}

enum status domains_add(struct domains_builder *b, struct slice domain, uint32_t virtual_host,
			struct arena *arena, struct diag *diag)
{
	char *copy = arena_string(arena, domain);
	struct slice name = {copy, domain.len};

	if (!domain.len)
		return diag_set(diag, "must not be empty");
	slice_copy_lower(copy, domain);
	uint32_t count = b->seen.count;
	name_map_add(&b->seen, name, 0);
	if (b->seen.count == count) {
		diag_set(diag, "domain \"%s\" occurs twice", copy);
		return STATUS_EXISTS;
	}
	if (name.len == 1 && copy[0] == '*')
		b->any = virtual_host;
	else if (copy[0] == '*')
		b->suffixes[b->suffix_count++] =
			(struct literal_trie_key){slice_sub(name, 1, name.len), virtual_host};
	else if (copy[name.len - 1] == '*')
		b->prefixes[b->prefix_count++] =
			(struct literal_trie_key){slice_sub(name, 0, name.len - 1), virtual_host};
	else
		b->exact[b->exact_count++] = (struct literal_trie_key){name, virtual_host};
	return STATUS_OK;
}

void domains_build(struct domains *domains, struct domains_builder *b, struct arena *arena)
{
	name_map_init(&domains->exact, b->exact_count, arena);
	for (size_t i = 0; i < b->exact_count; i++)
		name_map_add(&domains->exact, b->exact[i].text, b->exact[i].value);
	literal_trie_build(&domains->suffixes, b->suffixes, b->suffix_count, true, arena);
	literal_trie_build(&domains->prefixes, b->prefixes, b->prefix_count, false, arena);
	domains->any = b->any;
	domains->is_any_only = !b->exact_count && !b->suffix_count && !b->prefix_count;
}

/* The longest key, but not one that is the whole name: a wildcard needs a character. */
static uint32_t find_wildcard(const struct literal_trie *trie, struct slice name)
{
	bool is_whole;
	uint32_t at = literal_trie_find(trie, name, &is_whole);

	if (at != LITERAL_TRIE_NONE && is_whole)
		at = trie->nodes[at].shorter;
	return at == LITERAL_TRIE_NONE ? DOMAINS_NONE : trie->nodes[at].value;
}

uint32_t domains_find(const struct domains *domains, struct slice host, struct arena *scratch)
{
	char room[HOST_ON_STACK], *copy = room;
	uint32_t found;

	if (host.len > sizeof room)
		copy = arena_alloc(scratch, host.len);
	uint32_t hash = name_hash_lower(copy, host);
	struct slice name = {copy, host.len};

	found = name_map_find_hashed(&domains->exact, name, hash);
	if (found != NAME_MAP_NONE)
		return found;
	if (domains->suffixes.nodes) {
		found = find_wildcard(&domains->suffixes, name);
		if (found != DOMAINS_NONE)
			return found;
	}
	if (domains->prefixes.nodes) {
		found = find_wildcard(&domains->prefixes, name);
		if (found != DOMAINS_NONE)
			return found;
	}
	return domains->any;
}

struct slice host_without_port(struct slice host)
{
	size_t colon = host.len;

	while (colon && host.data[colon - 1] != ':' && host.data[colon - 1] != ']')
		colon--;
	return colon && host.data[colon - 1] == ':' ? slice_sub(host, 0, colon - 1) : host;
}
