#include <stdlib.h>

#include "upstream/cluster_config.h"
#include "upstream/config_values.h"
#include "upstream/labels.h"

typedef Envoy__Config__Cluster__V3__Cluster__LbSubsetConfig__LbSubsetSelector selector_message;

static int compare_keys(const void *a, const void *b)
{
	return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

/* Sorted, without duplicates. */
static struct slice *read_keys(struct arena *arena, char *const *keys, size_t n, uint32_t *count)
{
	struct slice *out = ARENA_NEW_ARRAY(arena, struct slice, n);
	uint32_t kept = 0;

	for (size_t i = 0; i < n; i++)
		out[i] = config_text(arena, keys[i]);
	if (n)
		qsort(out, n, sizeof *out, compare_keys);
	for (size_t i = 0; i < n; i++)
		if (!kept || !slice_equal(out[kept - 1], out[i]))
			out[kept++] = out[i];
	*count = kept;
	return out;
}

static bool has_key(const struct subset_selector *selector, struct slice key)
{
	for (uint32_t i = 0; i < selector->key_count; i++)
		if (slice_equal(selector->keys[i], key))
			return true;
	return false;
}

static enum status read_selector(struct subset_selector *selector, const selector_message *m,
				 struct arena *arena, struct diag *diag)
{
	static const enum subset_fallback fallbacks[] = {
		SUBSET_FALLBACK_NOT_DEFINED, SUBSET_FALLBACK_NONE, SUBSET_FALLBACK_ANY,
		SUBSET_FALLBACK_DEFAULT, SUBSET_FALLBACK_KEYS};
	if ((unsigned)m->fallback_policy >= COUNT_OF(fallbacks))
		return diag_at(diag, "fallback_policy", "unknown value");
	selector->fallback = fallbacks[m->fallback_policy];
	selector->is_single_host = m->single_host_per_subset;
	selector->keys = read_keys(arena, m->keys, m->n_keys, &selector->key_count);
	selector->fallback_keys =
		read_keys(arena, m->fallback_keys_subset, m->n_fallback_keys_subset,
			  &selector->fallback_key_count);
	if (selector->is_single_host && selector->key_count != 1)
		return diag_at(diag, "single_host_per_subset", "needs exactly one key");
	if (selector->fallback != SUBSET_FALLBACK_KEYS)
		return STATUS_OK;
	if (!selector->fallback_key_count)
		return diag_at(diag, "fallback_keys_subset", "must not be empty for KEYS_SUBSET");
	if (selector->fallback_key_count >= selector->key_count)
		return diag_at(diag, "fallback_keys_subset",
			       "must have fewer keys than the selector");
	for (uint32_t i = 0; i < selector->fallback_key_count; i++)
		if (!has_key(selector, selector->fallback_keys[i]))
			return diag_at(diag, "fallback_keys_subset",
				       "'%.*s' is not a key of the selector",
				       SLICE_FMT(selector->fallback_keys[i]));
	return STATUS_OK;
}

enum status cluster_subset_config(struct cluster *cluster,
				  const Envoy__Config__Cluster__V3__Cluster__LbSubsetConfig *m,
				  struct diag *diag)
{
	struct subset_config *subsets = &cluster->subsets;
	struct arena *arena = &cluster->published.arena;
	static const enum subset_fallback fallbacks[] = {SUBSET_FALLBACK_NONE, SUBSET_FALLBACK_ANY,
							 SUBSET_FALLBACK_DEFAULT};

	if (!m || !m->n_subset_selectors)
		return STATUS_OK;
	if ((unsigned)m->fallback_policy >= COUNT_OF(fallbacks))
		return diag_at(diag, "lb_subset_config.fallback_policy", "unknown value");
	*subsets = (struct subset_config){
		.is_enabled = true,
		.fallback = fallbacks[m->fallback_policy],
		.panic_any = m->panic_mode_any,
		.list_as_any = m->list_as_any,
		.is_locality_weight_aware = m->locality_weight_aware,
		.scales_locality_weight = m->scale_locality_weight,
		.selectors = ARENA_NEW_ARRAY(arena, struct subset_selector, m->n_subset_selectors),
		.selector_count = (uint32_t)m->n_subset_selectors,
	};
	struct labels *labels = labels_of_struct(SLICE("envoy.lb"), m->default_subset);
	arena_defer(arena, labels_drop_deferred, labels);
	subsets->default_subset = labels;
	for (size_t i = 0; i < m->n_subset_selectors; i++) {
		enum status status =
			read_selector(&subsets->selectors[i], m->subset_selectors[i], arena, diag);
		if (status)
			return diag_prefix(diag, "lb_subset_config.subset_selectors[%zu]", i),
			       status;
	}
	return STATUS_OK;
}
