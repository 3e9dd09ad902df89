/* Which virtual host a host name belongs to: exact names first, then the longest "*suffix", then
 * the longest "prefix*", then "*". ASCII case doesn't matter; a wildcard stands for at least one
 * character.
 *
 * Owner: the table's arena; immutable after the build. Thread: any. */
#ifndef ROUTING_DOMAINS_H
#define ROUTING_DOMAINS_H

#include "base/diag.h"
#include "routing/literal_trie.h"
#include "routing/name_map.h"

enum { DOMAINS_NONE = UINT32_MAX };

struct domains {
	struct name_map exact; /* all values: numbers of virtual hosts */
	struct literal_trie suffixes, prefixes;
	uint32_t any;     /* of "*", or DOMAINS_NONE */
	bool is_any_only; /* there are no other domains: `any` holds whatever the name is */
};

struct domains_builder;

/* capacity: how many domains there will be at most. The builder lives in scratch. */
struct domains_builder *domains_builder_new(size_t capacity, struct arena *scratch);

/* STATUS_EXISTS and a diag text for a domain that was there; STATUS_INVALID for "". The domain's
 * text is copied to arena. */
enum status MUST_CHECK domains_add(struct domains_builder *builder, struct slice domain,
				   uint32_t virtual_host, struct arena *arena, struct diag *diag);

void domains_build(struct domains *domains, struct domains_builder *builder, struct arena *arena);

/* The virtual host's number, or DOMAINS_NONE. scratch: for names over 255 bytes. */
uint32_t domains_find(const struct domains *domains, struct slice host, struct arena *scratch);

/* Without ":port" behind it ("[::1]:80" is "[::1]"). */
struct slice host_without_port(struct slice host);

#endif
