#include "routing/dubbo_rules.h"

#include "outrigger/config/route/v1/dubbo_rules.pb-c.h"

#define MESSAGE(name) Outrigger__Config__Route__V1__Dubbo##name
#define TYPE(name) (&outrigger__config__route__v1__dubbo_##name##__descriptor)

struct loader {
	struct dubbo_rules *rules;
	struct arena *arena;
	struct diag *diag;
	uint32_t branches;
};

/* What the kinds that have a key have in common. */
struct common {
	const char *scope, *key;
	bool force, is_off;
	int32_t priority;
	struct slice version;
};

#define COMMON_OF(message)                                                                         \
	((struct common){                                                                          \
		.scope = (message)->scope,                                                         \
		.key = (message)->key,                                                             \
		.force = (message)->force,                                                         \
		.is_off = ((message)->enabled && !(message)->enabled->value) ||                    \
			  ((message)->valid && !(message)->valid->value),                          \
		.priority = (message)->priority,                                                   \
		.version = slice_of((message)->config_version),                                    \
	})

static bool is_version(struct slice version, const char *prefix)
{
	struct slice wanted = slice_of(prefix);

	return version.len >= wanted.len &&
	       slice_equal_nocase(slice_sub(version, 0, wanted.len), wanted);
}

/* --- tags --- */

static enum status load_tag_matches(struct loader *l, struct dubbo_tag *tag,
				    const MESSAGE(TagRule__Tag) * message)
{
	struct dubbo_tag_match *matches =
		ARENA_NEW_ARRAY(l->arena, struct dubbo_tag_match, message->n_match);

	for (size_t i = 0; i < message->n_match; i++) {
		enum status status = dubbo_text_load(&matches[i].value, message->match[i]->value,
						     l->arena, l->diag);
		if (status) {
			diag_prefix(l->diag, "match[%zu].value", i);
			return status;
		}
		if (!message->match[i]->key[0]) {
			diag_at(l->diag, "key", "is required");
			diag_prefix(l->diag, "match[%zu]", i);
			return STATUS_INVALID;
		}
		matches[i].key = arena_slice(l->arena, slice_of(message->match[i]->key));
	}
	tag->matches = matches;
	tag->match_count = (uint32_t)message->n_match;
	return STATUS_OK;
}

static enum status load_tag(struct loader *l, struct dubbo_tag *tag,
			    const MESSAGE(TagRule__Tag) * message, struct slice version)
{
	struct dubbo_address *addresses =
		ARENA_NEW_ARRAY(l->arena, struct dubbo_address, message->n_addresses);

	if (!message->name[0])
		return diag_at(l->diag, "name", "is required");
	if (message->n_addresses && message->n_match)
		return diag_at(l->diag, "match", "can't be given together with addresses");
	if (message->n_match && !is_version(version, "v3.0"))
		return diag_at(l->diag, "match", "needs configVersion: v3.0");
	tag->name = arena_slice(l->arena, slice_of(message->name));
	for (size_t i = 0; i < message->n_addresses; i++) {
		enum status status = dubbo_address_parse(
			&addresses[i], slice_trim(slice_of(message->addresses[i])), l->diag);
		if (status) {
			diag_prefix(l->diag, "addresses[%zu]", i);
			return status;
		}
	}
	tag->addresses = addresses;
	tag->address_count = (uint32_t)message->n_addresses;
	return load_tag_matches(l, tag, message);
}

static enum status load_tags(struct loader *l, const MESSAGE(TagRule) * message)
{
	struct common common = COMMON_OF(message);
	struct dubbo_tag_rule *rule = ARENA_NEW(l->arena, struct dubbo_tag_rule);
	struct dubbo_tag *tags = ARENA_NEW_ARRAY(l->arena, struct dubbo_tag, message->n_tags);
	bool is_new;

	if (!common.key[0])
		return diag_at(l->diag, "key", "is required: the providers' application");
	if (common.scope[0] && !slice_equal(slice_of(common.scope), SLICE("application")))
		return diag_at(l->diag, "scope", "a tag rule is an application's, not '%s'",
			       common.scope);
	if (message->n_tags > DUBBO_TAGS_MAX)
		return diag_at(l->diag, "tags", "more than %d", DUBBO_TAGS_MAX), STATUS_TOO_LARGE;
	*rule = (struct dubbo_tag_rule){
		.application = arena_slice(l->arena, slice_of(common.key)),
		.force = common.force,
		.tags = tags,
		.tag_count = (uint32_t)message->n_tags,
	};
	for (size_t i = 0; i < message->n_tags; i++) {
		enum status status = load_tag(l, &tags[i], message->tags[i], common.version);
		if (status) {
			diag_prefix(l->diag, "tags[%zu]", i);
			return status;
		}
	}
	if (common.is_off || !rule->tag_count)
		return STATUS_OK;
	struct map_entry *entry = map_at(&l->rules->tags, rule->application, &is_new);
	if (!is_new)
		return diag_at(l->diag, "key", "the application '%s' has a tag rule already",
			       common.key);
	entry->value = rule;
	return STATUS_OK;
}

/* --- conditions --- */

/* "interface:version:group", the last two left out at the end when they are empty; Dubbo's
 * console writes "group/interface:version". */
static struct slice service_key(struct slice text, struct arena *arena)
{
	size_t slash = slice_find_char(text, '/', 0);
	size_t from = slash < text.len ? slash + 1 : 0, colon = slice_find_char(text, ':', from);
	size_t second = slice_find_char(text, ':', colon + 1);
	struct slice interface = slice_sub(text, from, colon), version = {0},
		     group = slash < text.len ? slice_sub(text, 0, slash) : (struct slice){0};

	if (colon < text.len)
		version = slice_sub(text, colon + 1, second);
	if (second < text.len)
		group = slice_sub(text, second + 1, text.len);
	if (slice_equal(version, SLICE("0.0.0")))
		version.len = 0;
	return slice_of(arena_printf(arena, "%.*s:%.*s:%.*s", SLICE_FMT(interface),
				     SLICE_FMT(version), SLICE_FMT(group)));
}

/* By priority, the highest first; of equal ones as they come. */
static void insert(struct map *map, struct slice key, struct dubbo_condition_rule *rule)
{
	struct map_entry *entry = map_at(map, key, NULL);
	const struct dubbo_condition_rule **at =
		(const struct dubbo_condition_rule **)&entry->value;

	while (*at && (*at)->priority >= rule->priority)
		at = &((struct dubbo_condition_rule *)*at)->next; /* still being built */
	rule->next = *at;
	*at = rule;
}

static enum status open_rule(struct loader *l, const struct common *common, size_t count,
			     struct dubbo_condition_rule **rule, struct dubbo_branch **branches)
{
	bool is_service = slice_equal(slice_of(common->scope), SLICE("service"));

	if (!is_service && !slice_equal(slice_of(common->scope), SLICE("application")))
		return diag_at(l->diag, "scope", "must be service or application");
	if (!common->key[0])
		return diag_at(l->diag, "key", "is required: the %s", common->scope);
	if (count > DUBBO_BRANCHES_MAX - l->branches)
		return diag_at(l->diag, "conditions", "more than %d in all rules",
			       DUBBO_BRANCHES_MAX),
		       STATUS_TOO_LARGE;
	*rule = ARENA_NEW(l->arena, struct dubbo_condition_rule);
	*branches = ARENA_NEW_ARRAY(l->arena, struct dubbo_branch, count);
	**rule = (struct dubbo_condition_rule){
		.priority = common->priority,
		.ordinal = l->branches,
		.force = common->force,
		.branches = *branches,
		.branch_count = (uint32_t)count,
	};
	l->branches += (uint32_t)count;
	if (common->is_off || !count)
		return STATUS_OK;
	if (is_service)
		insert(&l->rules->services, service_key(slice_of(common->key), l->arena), *rule);
	else
		insert(&l->rules->applications, arena_slice(l->arena, slice_of(common->key)),
		       *rule);
	return STATUS_OK;
}

/* rule: the one around, of a service or an application. */
static void note_asked(struct loader *l, struct dubbo_condition_rule *rule, const char *scope,
		       const struct dubbo_side *when)
{
	for (uint32_t i = 0; i < when->count; i++) {
		uint32_t n = when->parts[i].argument;
		if (when->parts[i].kind != DUBBO_KEY_ARGUMENT)
			continue;
		l->rules->arguments[n >> 6] |= UINT64_C(1) << (n & 63);
		rule->asks_arguments = true;
		l->rules->asks_arguments |= !slice_equal(slice_of(scope), SLICE("service"));
	}
}

static enum status load_conditions(struct loader *l, const MESSAGE(ConditionRule) * message)
{
	struct common common = COMMON_OF(message);
	struct dubbo_condition_rule *rule;
	struct dubbo_branch *branches;
	enum status status;

	if (is_version(common.version, "v3.1"))
		return diag_at(l->diag, "conditions", "of v3.1 are {from: …, to: […]}");
	if ((status = open_rule(l, &common, message->n_conditions, &rule, &branches)))
		return status;
	for (size_t i = 0; i < message->n_conditions; i++) {
		struct dubbo_condition condition;
		struct dubbo_destination *to = ARENA_NEW(l->arena, struct dubbo_destination);
		status = dubbo_condition_parse(&condition, slice_of(message->conditions[i]),
					       l->arena, l->diag);
		if (status) {
			diag_prefix(l->diag, "conditions[%zu]", i);
			return status;
		}
		*to = (struct dubbo_destination){condition.then, 1};
		branches[i] = (struct dubbo_branch){condition.when, to, !condition.denies};
		note_asked(l, rule, common.scope, &condition.when);
	}
	return STATUS_OK;
}

static struct slice trimmed(const char *text)
{
	struct slice s = slice_of(text);

	while (s.len && strchr(" \t\r\n", s.data[0]))
		s.data++, s.len--;
	while (s.len && strchr(" \t\r\n", s.data[s.len - 1]))
		s.len--;
	return s;
}

static enum status load_to(struct loader *l, struct dubbo_branch *branch,
			   const MESSAGE(MultiDestinationRule__Condition) * message)
{
	struct dubbo_destination *to =
		ARENA_NEW_ARRAY(l->arena, struct dubbo_destination, message->n_to);

	for (size_t i = 0; i < message->n_to; i++) {
		struct slice match = trimmed(message->to[i]->match);
		to[i].weight = message->to[i]->weight ? message->to[i]->weight->value : 100;
		if (!match.len || slice_equal(match, SLICE("false"))) /* as Java: every provider */
			continue;
		enum status status = dubbo_side_parse(&to[i].side, match, true, l->arena, l->diag);
		if (status) {
			diag_prefix(l->diag, "to[%zu].match", i);
			return status;
		}
	}
	branch->destinations = to;
	branch->destination_count = (uint32_t)message->n_to;
	return STATUS_OK;
}

static enum status load_destinations(struct loader *l,
				     const MESSAGE(MultiDestinationRule) * message)
{
	struct common common = COMMON_OF(message);
	struct dubbo_condition_rule *rule;
	struct dubbo_branch *branches;
	enum status status;

	if (common.version.len && !is_version(common.version, "v3.1"))
		return diag_at(l->diag, "config_version", "'%.*s': {from, to} is of v3.1",
			       SLICE_FMT(common.version));
	if ((status = open_rule(l, &common, message->n_conditions, &rule, &branches)))
		return status;
	for (size_t i = 0; i < message->n_conditions; i++) {
		const MESSAGE(MultiDestinationRule__Condition) *from = message->conditions[i];
		struct slice match = trimmed(from->from ? from->from->match : "");
		if (!from->from)
			status = diag_at(l->diag, "from", "is required");
		if (!status && match.len && !slice_equal(match, SLICE("true")) &&
		    (status = dubbo_side_parse(&branches[i].when, match, false, l->arena, l->diag)))
			diag_prefix(l->diag, "from.match");
		if (!status)
			status = load_to(l, &branches[i], from);
		if (status) {
			diag_prefix(l->diag, "conditions[%zu]", i);
			return status;
		}
		note_asked(l, rule, common.scope, &branches[i].when);
	}
	return STATUS_OK;
}

/* --- all --- */

static enum status refuse_script(struct loader *l)
{
	(void)diag_at(l->diag, "script",
		      "scripts aren't run: a condition rule or a route says the same, see "
		      "docs/rpc-routing.md");
	return STATUS_UNSUPPORTED;
}

static enum status load_one(struct loader *l, const ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;

	if (type == TYPE(tag_rule))
		return load_tags(l, (const MESSAGE(TagRule) *)message);
	if (type == TYPE(condition_rule))
		return load_conditions(l, (const MESSAGE(ConditionRule) *)message);
	if (type == TYPE(multi_destination_rule))
		return load_destinations(l, (const MESSAGE(MultiDestinationRule) *)message);
	if (type == TYPE(virtual_service))
		return dubbo_mesh_add_service(&l->rules->mesh,
					      (const MESSAGE(VirtualService) *)message, l->arena,
					      l->diag);
	if (type == TYPE(destination_rule))
		return dubbo_mesh_add_subsets(&l->rules->mesh,
					      (const MESSAGE(DestinationRule) *)message, l->arena,
					      l->diag);
	if (type == TYPE(script_rule))
		return refuse_script(l);
	return diag_set(l->diag, "%s is none of Dubbo's rules", type->name);
}

static void make_room(struct dubbo_mesh *mesh, const ProtobufCMessage *const *messages,
		      size_t count, struct arena *arena)
{
	size_t services = 0, subsets = 0;

	for (size_t i = 0; i < count; i++) {
		services += messages[i]->descriptor == TYPE(virtual_service);
		if (messages[i]->descriptor == TYPE(destination_rule)) {
			const MESSAGE(DestinationRule) *rule =
				(const MESSAGE(DestinationRule) *)messages[i];
			subsets += rule->spec ? rule->spec->n_subsets : 0;
		}
	}
	mesh->services = ARENA_NEW_ARRAY(arena, struct dubbo_mesh_service, services);
	mesh->subsets = ARENA_NEW_ARRAY(arena, struct dubbo_mesh_subset, subsets);
}

enum status dubbo_rules_load(struct dubbo_rules *rules, const ProtobufCMessage *const *messages,
			     size_t count, struct arena *arena, size_t *at, struct diag *diag)
{
	struct loader l = {.rules = rules, .arena = arena, .diag = diag};

	*rules = (struct dubbo_rules){0};
	map_init(&rules->tags, arena);
	map_init(&rules->services, arena);
	map_init(&rules->applications, arena);
	*at = 0;
	if (count > DUBBO_RULES_MAX) {
		(void)diag_set(diag, "more than %d rules", DUBBO_RULES_MAX);
		return STATUS_TOO_LARGE;
	}
	make_room(&rules->mesh, messages, count, arena);
	for (size_t i = 0; i < count; i++) {
		enum status status = load_one(&l, messages[i]);
		if (status) {
			*at = i;
			return status;
		}
	}
	for (size_t i = 0; i < COUNT_OF(rules->arguments); i++) {
		rules->arguments[i] |= rules->mesh.arguments[i];
		rules->asks_arguments |= rules->mesh.arguments[i] != 0;
	}
	return STATUS_OK;
}

enum { SERVICE_KEY_ROOM = 1024 }; /* longer ones have no rule */

const struct dubbo_condition_rule *dubbo_rules_of_service(const struct dubbo_rules *rules,
							  const struct dubbo_call *call)
{
	struct slice version = call->version;
	char room[SERVICE_KEY_ROOM];
	char *out = room;

	if (slice_equal(version, SLICE("0.0.0")))
		version.len = 0;
	if (!rules->services.count ||
	    call->interface.len + version.len + call->group.len + 2 > sizeof room)
		return NULL;
	const struct slice parts[] = {call->interface, SLICE(":"), version, SLICE(":"),
				      call->group};
	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		if (parts[i].len)
			memcpy(out, parts[i].data, parts[i].len);
		out += parts[i].len;
	}
	return map_get(&rules->services, slice_make(room, (size_t)(out - room)));
}

bool dubbo_rules_ask_arguments(const struct dubbo_rules *rules, const struct dubbo_call *call)
{
	if (rules->asks_arguments)
		return true;
	for (const struct dubbo_condition_rule *rule = dubbo_rules_of_service(rules, call); rule;
	     rule = rule->next)
		if (rule->asks_arguments)
			return true;
	return false;
}
