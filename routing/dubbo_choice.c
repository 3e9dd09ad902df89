#include "routing/dubbo_choice.h"

#include <stdlib.h>

#define TAG SLICE("dubbo.tag")
#define FORCE_TAG SLICE("dubbo.force.tag")

/* --- sets --- */

static uint64_t *new_set(const struct dubbo_view *view, struct arena *arena)
{
	return ARENA_NEW_ARRAY(arena, uint64_t, view->words ? view->words : 1);
}

static void set_add(uint64_t *set, uint32_t i)
{
	set[i >> 6] |= UINT64_C(1) << (i & 63);
}

static bool set_has(const uint64_t *set, uint32_t i)
{
	return set[i >> 6] >> (i & 63) & 1;
}

static uint32_t set_count(const struct dubbo_view *view, const uint64_t *set)
{
	uint32_t count = 0;

	for (uint32_t w = 0; w < view->words; w++)
		count += (uint32_t)__builtin_popcountll(set[w]);
	return count;
}

/* --- a view's own --- */

static void note_application(struct dubbo_view *view, struct slice application)
{
	for (uint32_t i = 0; i < view->application_count; i++)
		if (slice_equal(view->applications[i], application))
			return;
	if (view->application_count < DUBBO_APPLICATIONS_MAX)
		view->applications[view->application_count++] =
			arena_slice(&view->arena, application);
}

static struct slice application_of(const struct host_facts *providers, uint32_t i,
				   struct slice otherwise)
{
	struct slice name = providers->label(providers->context, i, SLICE("remote.application"));

	if (!name.len)
		name = providers->label(providers->context, i, SLICE("application"));
	return name.len ? name : otherwise;
}

static void note_providers(struct dubbo_view *view, const struct host_facts *providers,
			   struct slice application)
{
	uint64_t *everyone = new_set(view, &view->arena);

	view->untagged = new_set(view, &view->arena);
	for (uint32_t i = 0; i < view->count; i++) {
		struct slice tag = providers->label(providers->context, i, TAG);
		struct slice name = application_of(providers, i, application);
		set_add(everyone, i);
		if (name.len)
			note_application(view, name);
		if (!tag.len) {
			set_add(view->untagged, i);
			continue;
		}
		struct map_entry *entry = map_find(&view->statics, tag);
		if (!entry) {
			entry = map_at(&view->statics, arena_slice(&view->arena, tag), NULL);
			entry->value = new_set(view, &view->arena);
		}
		set_add(entry->value, i);
	}
	view->everyone = everyone;
	view->application = view->application_count ? view->applications[0] : application;
}

static bool is_tagged(const struct dubbo_tag *tag, const struct host_facts *providers, uint32_t i)
{
	char room[DUBBO_PARAMETER_ROOM];
	struct addr addr;

	if (tag->address_count)
		providers->address(providers->context, i, &addr);
	for (uint32_t k = 0; k < tag->address_count; k++)
		if (dubbo_address_test(&tag->addresses[k], &addr))
			return true;
	for (uint32_t k = 0; k < tag->match_count; k++)
		if (!dubbo_text_test(
			    &tag->matches[k].value,
			    dubbo_provider_parameter(providers, i, tag->matches[k].key, room)))
			return false;
	return tag->match_count;
}

/* A tag by addresses is known whoever has them; one by labels while some provider has them. */
static void note_tags(struct dubbo_view *view, const struct dubbo_rules *rules,
		      const struct host_facts *providers)
{
	const struct dubbo_tag_rule *rule = map_get(&rules->tags, view->application);

	if (!rule)
		return;
	view->tag_rule = rule;
	view->by_rule = new_set(view, &view->arena);
	view->tagged = ARENA_NEW_ARRAY(&view->arena, uint64_t *, rule->tag_count);
	for (uint32_t t = 0; t < rule->tag_count; t++) {
		const struct dubbo_tag *tag = &rule->tags[t];
		uint64_t *set = new_set(view, &view->arena);
		bool is_known = tag->address_count;
		for (uint32_t i = 0; i < view->count; i++) {
			if (!is_tagged(tag, providers, i))
				continue;
			set_add(set, i);
			set_add(view->by_rule, i);
			is_known = true;
		}
		view->tagged[t] = set;
		if (is_known) /* of equal names the last one holds */
			map_at(&view->tag_numbers, tag->name, NULL)->number = t;
	}
}

static struct dubbo_choice *keep(struct dubbo_view *view, const uint64_t *left,
				 const uint64_t *base)
{
	struct dubbo_choice *choice = ARENA_NEW(&view->kept, struct dubbo_choice);

	*choice = (struct dubbo_choice){.hosts = {left, set_count(view, left), NULL}, .base = base};
	return choice;
}

static void begin(struct dubbo_view *view)
{
	arena_reset(&view->kept);
	view->step_count = 0;
	view->slots = ARENA_NEW_ARRAY(&view->kept, struct dubbo_step *, DUBBO_STEPS_MAX);
	view->root = keep(view, view->everyone, NULL);
}

struct dubbo_view *dubbo_view_new(const struct dubbo_rules *rules,
				  const struct host_facts *providers, struct slice application,
				  uint64_t seed)
{
	struct dubbo_view *view = calloc(1, sizeof *view);

	invariant(view);
	arena_init(&view->arena, 4096);
	arena_init(&view->kept, 65536);
	view->count = providers->count;
	view->words = (providers->count + 63) / 64;
	view->seed = seed;
	map_init(&view->statics, &view->arena);
	map_init(&view->tag_numbers, &view->arena);
	note_providers(view, providers, arena_slice(&view->arena, application));
	note_tags(view, rules, providers);
	view->conditions = map_get(&rules->applications, view->application);
	begin(view);
	return view;
}

void dubbo_view_free(struct dubbo_view *view)
{
	if (!view)
		return;
	arena_free(&view->kept);
	arena_free(&view->arena);
	free(view);
}

/* --- steps --- */

enum step_kind {
	STEP_TAG,       /* number: of the rule's tag, or STEP_UNKNOWN, STEP_NO_TAG */
	STEP_STATIC,    /* a tag that the rule doesn't know; `set` is who carries it */
	STEP_CONDITION, /* number: of the branch */
	STEP_MESH,      /* number: of the detail, or STEP_MESH_END; application in `at` */
};

enum { STEP_UNKNOWN = UINT32_MAX, STEP_NO_TAG = UINT32_MAX - 1, STEP_MESH_END = UINT32_MAX };

struct step_key {
	const struct dubbo_choice *from;
	uint32_t kind; /* enum step_kind, and more above: force, application */
	uint32_t number;
	uint64_t parameters[2]; /* two hashes of what the call's $params say */
};

struct dubbo_way {
	struct dubbo_choice *to;
	uint64_t weight;
};

struct dubbo_step {
	struct dubbo_step *next; /* in its slot */
	struct step_key key;
	uint64_t weight; /* of all ways */
	uint32_t way_count;
	struct dubbo_way ways[];
};

/* One call on its way. */
struct walk {
	struct dubbo_view *view;
	const struct dubbo_rules *rules;
	const struct dubbo_call *call;
	const struct host_facts *providers;
	struct dubbo_choice *at;
	uint64_t random;
};

static uint64_t hash_key(const struct step_key *key)
{
	uint64_t hash = hash_uint64((uint64_t)(uintptr_t)key->from);

	hash = hash_uint64(hash ^ ((uint64_t)key->kind << 32 | key->number));
	return key->parameters[0] ? hash_uint64(hash ^ key->parameters[0]) : hash;
}

static struct dubbo_step *find_step(const struct walk *w, const struct step_key *key)
{
	struct dubbo_step *step = w->view->slots[hash_key(key) & (DUBBO_STEPS_MAX - 1)];

	while (step &&
	       (step->key.from != key->from || step->key.kind != key->kind ||
		step->key.number != key->number || step->key.parameters[0] != key->parameters[0] ||
		step->key.parameters[1] != key->parameters[1]))
		step = step->next;
	return step;
}

static struct dubbo_step *add_step(struct walk *w, const struct step_key *key, uint32_t ways)
{
	struct dubbo_view *view = w->view;
	struct dubbo_step *step =
		arena_zalloc(&view->kept, sizeof *step + ways * sizeof(struct dubbo_way));
	struct dubbo_step **slot = &view->slots[hash_key(key) & (DUBBO_STEPS_MAX - 1)];

	step->key = *key;
	step->next = *slot;
	*slot = step;
	view->step_count++;
	return step;
}

static void add_way(struct dubbo_step *step, struct dubbo_choice *to, uint64_t weight)
{
	step->ways[step->way_count++] = (struct dubbo_way){to, weight};
	step->weight += weight;
}

/* Takes one of a step's ways, by weight. */
static void go(struct walk *w, const struct dubbo_step *step)
{
	uint32_t i = 0;

	if (step->way_count > 1 && step->weight) {
		uint64_t chance = (w->random = hash_uint64(w->random)) % step->weight;
		for (; chance >= step->ways[i].weight; i++)
			chance -= step->ways[i].weight;
	}
	w->at = step->ways[i].to;
}

/* --- tags --- */

static struct dubbo_choice *keep_common(struct walk *w, const uint64_t *a, const uint64_t *b)
{
	uint64_t *left = new_set(w->view, &w->view->kept);

	for (uint32_t i = 0; i < w->view->words; i++)
		left[i] = a[i] & b[i];
	return keep(w->view, left, NULL);
}

/* In no tag of the rule, and without a tag of their own. */
static struct dubbo_choice *keep_untagged(struct walk *w)
{
	const struct dubbo_view *view = w->view;
	uint64_t *left = new_set(view, &w->view->kept);

	for (uint32_t i = 0; i < view->words; i++)
		left[i] = w->at->hosts.left[i] & view->untagged[i] &
			  (view->by_rule ? ~view->by_rule[i] : UINT64_MAX);
	return keep(w->view, left, NULL);
}

static struct dubbo_choice *choose_tag(struct walk *w, uint32_t number, const uint64_t *carriers,
				       bool force)
{
	struct dubbo_choice *choice;

	if (number == STEP_NO_TAG)
		return keep_untagged(w);
	if (number != STEP_UNKNOWN) {
		choice = keep_common(w, w->at->hosts.left, w->view->tagged[number]);
		if (choice->hosts.count || w->view->tag_rule->force || force)
			return choice;
	} else if (carriers) {
		choice = keep_common(w, w->at->hosts.left, carriers);
		if (choice->hosts.count || force)
			return choice;
	} else if (force) {
		return keep(w->view, new_set(w->view, &w->view->kept), NULL);
	}
	return keep_untagged(w);
}

/* The rule's tag for `a|b|c`: itself, else what stands before the last '|', and so on. */
static uint32_t find_tag(const struct dubbo_view *view, struct slice tag, bool force)
{
	const struct map_entry *entry = map_find(&view->tag_numbers, tag);

	while (!entry && !force) {
		while (tag.len && tag.data[tag.len - 1] != '|')
			tag.len--;
		while (tag.len && tag.data[tag.len - 1] == '|')
			tag.len--;
		if (!tag.len)
			break;
		entry = map_find(&view->tag_numbers, tag);
	}
	return entry ? (uint32_t)entry->number : STEP_UNKNOWN;
}

static struct slice attachment_or_parameter(const struct walk *w, struct slice name)
{
	const struct dubbo_call *call = w->call;
	struct slice value =
		call->attachment ? call->attachment(call->context, name) : (struct slice){0};

	return value.len ? value : dubbo_consumer_parameter(call->consumer, call, name);
}

static void walk_tags(struct walk *w)
{
	const struct dubbo_view *view = w->view;
	struct slice tag = attachment_or_parameter(w, TAG);
	bool force =
		tag.len && slice_equal_nocase(attachment_or_parameter(w, FORCE_TAG), SLICE("true"));
	const struct map_entry *carriers = NULL;
	struct step_key key = {.from = w->at, .kind = STEP_TAG, .number = STEP_NO_TAG};

	if (tag.len) {
		key.number = find_tag(view, tag, force);
		key.kind |= force ? 0x100 : 0;
	}
	if (key.number == STEP_UNKNOWN && (carriers = map_find(&view->statics, tag))) {
		key.kind = STEP_STATIC | (force ? 0x100 : 0);
		key.number = (uint32_t)(carriers - view->statics.entries);
	}
	struct dubbo_step *step = find_step(w, &key);
	if (!step) {
		const uint64_t *set = carriers ? carriers->value : NULL;
		uint32_t number = carriers ? STEP_UNKNOWN : key.number;
		struct dubbo_choice *choice = choose_tag(w, number, set, force);
		step = add_step(w, &key, 1);
		add_way(step, choice, 1);
	}
	go(w, step);
}

/* --- conditions --- */

static void hash_parameters(const struct walk *w, const struct dubbo_side *side, uint64_t hashes[2])
{
	for (uint32_t i = 0; side->names_parameters && i < side->count; i++) {
		const struct dubbo_part *part = &side->parts[i];
		for (uint32_t k = 0; k < part->match_count + part->mismatch_count; k++) {
			const struct dubbo_pattern *pattern =
				k < part->match_count ? &part->matches[k]
						      : &part->mismatches[k - part->match_count];
			if (pattern->kind != DUBBO_PATTERN_PARAM)
				continue;
			struct slice value = dubbo_consumer_parameter(w->call->consumer, w->call,
								      pattern->prefix);
			for (int h = 0; h < 2; h++)
				hashes[h] = hash_seeded(value,
							w->view->seed + hashes[h] + (uint64_t)h) |
					    1;
		}
	}
}

static const struct dubbo_index *index_of(struct walk *w, struct slice key)
{
	struct dubbo_view *view = w->view;
	struct dubbo_index *index = view->indexes;

	while (index && !slice_equal(index->key, key))
		index = index->next;
	if (index)
		return index;
	index = dubbo_index_make(w->providers, key, view->seed, &view->arena);
	index->next = view->indexes;
	return view->indexes = index;
}

/* Who alone may fit a side that asks for `key=$param`, by the value of this call; NULL: the side
 * asks for nothing of that kind, and all are to be looked at. */
static const struct dubbo_index *find_index(struct walk *w, const struct dubbo_side *side,
					    struct slice *value)
{
	for (uint32_t i = 0; side->names_parameters && i < side->count; i++) {
		const struct dubbo_part *part = &side->parts[i];
		if (part->match_count != 1 || part->matches->kind != DUBBO_PATTERN_PARAM)
			continue;
		*value =
			dubbo_consumer_parameter(w->call->consumer, w->call, part->matches->prefix);
		if (slice_find_char(*value, '*', 0) == value->len) /* which stands for anything */
			return index_of(w, part->key);
	}
	return NULL;
}

static void keep_if_fitting(const struct walk *w, const struct dubbo_side *side, uint64_t *left,
			    uint32_t i)
{
	if (set_has(w->at->hosts.left, i) &&
	    dubbo_side_test_provider(side, w->call, w->providers, i))
		set_add(left, i);
}

static struct dubbo_choice *keep_fitting(struct walk *w, const struct dubbo_side *side)
{
	uint64_t *left = new_set(w->view, &w->view->kept);
	struct slice value;
	const struct dubbo_index *index = find_index(w, side, &value);
	uint32_t at = index ? dubbo_index_first(index, value) : 0;

	for (; at; at = dubbo_index_next(index, at))
		keep_if_fitting(w, side, left, at - 1);
	for (uint32_t i = 0; !index && i < w->view->count; i++)
		keep_if_fitting(w, side, left, i);
	return keep(w->view, left, NULL);
}

/* Where the branch leads from here: one way for each destination that has providers. */
static struct dubbo_step *work_out(struct walk *w, const struct step_key *key,
				   const struct dubbo_condition_rule *rule,
				   const struct dubbo_branch *branch)
{
	struct dubbo_step *step = add_step(w, key, branch->destination_count + 1);

	for (uint32_t i = 0; i < branch->destination_count; i++) {
		struct dubbo_choice *choice = keep_fitting(w, &branch->destinations[i].side);
		if (choice->hosts.count)
			add_way(step, choice, branch->destinations[i].weight);
	}
	if (step->way_count > 1 && !step->weight) { /* none is to be taken */
		step->way_count = 0;
		add_way(step, w->at, 1);
	}
	if (!step->way_count)
		add_way(step,
			rule->force || !branch->destination_count
				? keep(w->view, new_set(w->view, &w->view->kept), NULL)
				: w->at,
			1);
	return step;
}

static void walk_conditions(struct walk *w, const struct dubbo_condition_rule *rule)
{
	for (; rule; rule = rule->next)
		for (uint32_t i = 0; w->at->hosts.count && i < rule->branch_count; i++) {
			const struct dubbo_branch *branch = &rule->branches[i];
			struct step_key key = {
				.from = w->at, .kind = STEP_CONDITION, .number = rule->ordinal + i};
			if (!dubbo_side_test_call(&branch->when, w->call))
				continue;
			for (uint32_t k = 0; k < branch->destination_count; k++)
				hash_parameters(w, &branch->destinations[k].side, key.parameters);
			struct dubbo_step *step = find_step(w, &key);
			go(w, step ? step : work_out(w, &key, rule, branch));
		}
}

/* --- mesh --- */

/* The destination's first subset with providers, together with what other applications' rules have
 * chosen; NULL: none has. */
static struct dubbo_choice *keep_subset(struct walk *w, struct slice application,
					const struct dubbo_mesh_destination *destination)
{
	struct dubbo_view *view = w->view;
	const uint64_t *before = w->at->base ? w->at->hosts.left : NULL,
		       *base = w->at->base ? w->at->base : w->at->hosts.left;

	for (uint32_t s = 0; s < destination->subset_count; s++) {
		uint64_t *left = new_set(view, &view->kept);
		bool is_empty = true;
		for (uint32_t i = 0; i < view->count; i++) {
			if (!set_has(base, i) ||
			    !slice_equal(application_of(w->providers, i, view->application),
					 application) ||
			    !dubbo_mesh_subset_has(&w->rules->mesh, application,
						   destination->subsets[s], w->providers, i))
				continue;
			set_add(left, i);
			is_empty = false;
		}
		for (uint32_t i = 0; before && i < view->words; i++)
			left[i] |= before[i];
		if (!is_empty)
			return keep(view, left, base);
	}
	return NULL;
}

/* A destination without providers hands over to the next one that has some, then to the first. */
static struct dubbo_step *work_out_mesh(struct walk *w, const struct step_key *key,
					struct slice application,
					const struct dubbo_mesh_detail *detail)
{
	const uint32_t count = detail->destination_count;
	struct dubbo_step *step = add_step(w, key, count);
	uint32_t first = count;

	for (uint32_t i = 0; i < count; i++) {
		struct dubbo_choice *choice = keep_subset(w, application, &detail->destinations[i]);
		first = choice && first == count ? i : first;
		add_way(step, choice, detail->destinations[i].weight);
	}
	struct dubbo_choice *next = first < count ? step->ways[first].to : w->at;
	for (uint32_t i = count; i--;) {
		if (step->ways[i].to)
			next = step->ways[i].to;
		else
			step->ways[i].to = next;
	}
	return step;
}

static void walk_mesh(struct walk *w)
{
	const struct dubbo_view *view = w->view;

	for (uint32_t a = 0; a < view->application_count; a++) {
		const struct dubbo_mesh_detail *detail =
			dubbo_mesh_find(&w->rules->mesh, view->applications[a], w->call);
		if (!detail)
			continue;
		struct step_key key = {
			.from = w->at, .kind = STEP_MESH | a << 16, .number = detail->ordinal};
		struct dubbo_step *step = find_step(w, &key);
		go(w, step ? step : work_out_mesh(w, &key, view->applications[a], detail));
	}
	if (!w->at->base)
		return;
	struct step_key key = {.from = w->at, .kind = STEP_MESH, .number = STEP_MESH_END};
	struct dubbo_step *step = find_step(w, &key);
	if (!step) {
		step = add_step(w, &key, 1);
		add_way(step, keep(w->view, w->at->hosts.left, NULL), 1);
	}
	go(w, step);
}

/* --- all --- */

struct dubbo_choice *dubbo_view_choose(struct dubbo_view *view, const struct dubbo_rules *rules,
				       const struct dubbo_call *call,
				       const struct host_facts *providers)
{
	if (UNLIKELY(view->step_count >= DUBBO_STEPS_MAX ||
		     view->kept.allocated > DUBBO_VIEW_BYTES))
		begin(view);
	struct walk w = {view, rules, call, providers, view->root, call->random};

	if (rules->mesh.service_count)
		walk_mesh(&w);
	if (w.at->hosts.count)
		walk_tags(&w);
	walk_conditions(&w, dubbo_rules_of_service(rules, call));
	if (!slice_equal(view->application, call->consumer->application))
		walk_conditions(&w, view->conditions);
	walk_conditions(&w, map_get(&rules->applications, call->consumer->application));
	return w.at;
}
