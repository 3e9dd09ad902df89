#include "upstream/hash_key.h"

#include "upstream/labels.h"

struct slice hash_key(const struct host_set *set, uint32_t index, const struct lb_config *lb,
		      struct arena *arena)
{
	const struct label *key =
		labels_find(host_set_labels(set, index), SLICE("envoy.lb"), SLICE("hash_key"));
	char text[ADDR_TEXT_MAX];

	if (key && key->kind == LABEL_STRING && key->text.len)
		return key->text;
	if (lb->is_hostname_hashed)
		return host_hostname(set->hosts[index]);
	size_t len = addr_format(&set->hosts[index]->addr, text);
	return arena_slice(arena, slice_make(text, len));
}

const double *hash_shares(const struct host_group *group, const struct balance_input *in,
			  struct arena *arena, double *smallest, double *greatest)
{
	double *shares = ARENA_NEW_ARRAY(arena, double, group->count);
	double sum = 0;

	for (uint32_t i = 0; i < group->count; i++)
		sum += shares[i] =
			in->shares ? in->shares[i] : host_set_weight(in->set, group_host(group, i));
	*smallest = 1.0;
	*greatest = 0.0;
	for (uint32_t i = 0; i < group->count; i++) {
		shares[i] /= sum;
		*smallest = shares[i] < *smallest ? shares[i] : *smallest;
		*greatest = shares[i] > *greatest ? shares[i] : *greatest;
	}
	return shares;
}

static uint64_t mix(uint64_t n)
{
	return n ^ (n >> 47);
}

/* Up to 8 bytes, little endian. */
static uint64_t load(const char *p, size_t len)
{
	uint64_t n = 0;
	for (size_t i = 0; i < len; i++)
		n |= (uint64_t)(unsigned char)p[i] << (8 * i);
	return n;
}

uint64_t hash_murmur2(struct slice bytes)
{
	const uint64_t factor = UINT64_C(0xc6a4a7935bd1e995), seed = UINT64_C(0xc70f6907);
	uint64_t hash = seed ^ (bytes.len * factor);
	size_t at = 0;

	for (; at + 8 <= bytes.len; at += 8) {
		hash ^= mix(load(bytes.data + at, 8) * factor) * factor;
		hash *= factor;
	}
	if (at < bytes.len) {
		hash ^= load(bytes.data + at, bytes.len - at);
		hash *= factor;
	}
	return mix(mix(hash) * factor);
}
