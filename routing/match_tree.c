#include "routing/match_tree.h"

#include "envoy/config/route/v3/route_components.pb-c.h"
#include "envoy/type/matcher/v3/http_inputs.pb-c.h"
#include "envoy/type/matcher/v3/string.pb-c.h"
#include "routing/route.h"
#include "xds/proto/any_message.h"
#include "xds/type/matcher/v3/matcher.pb-c.h"

#define PATTERN(kind) XDS__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_##kind
#define ENVOY_PATTERN(kind) ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_##kind
#define PREDICATE(kind) XDS__TYPE__MATCHER__V3__MATCHER__MATCHER_LIST__PREDICATE__MATCH_TYPE_##kind
#define SINGLE(kind)                                                                               \
	XDS__TYPE__MATCHER__V3__MATCHER__MATCHER_LIST__PREDICATE__SINGLE_PREDICATE__MATCHER_##kind
#define ON_MATCH(kind) XDS__TYPE__MATCHER__V3__MATCHER__ON_MATCH__ON_MATCH_##kind
#define TREE(kind) XDS__TYPE__MATCHER__V3__MATCHER__MATCHER_TREE__TREE_TYPE_##kind
#define MATCHER(kind) XDS__TYPE__MATCHER__V3__MATCHER__MATCHER_TYPE_##kind
#define HEADER_INPUT (&envoy__type__matcher__v3__http_request_header_match_input__descriptor)
#define QUERY_INPUT (&envoy__type__matcher__v3__http_request_query_param_match_input__descriptor)
#define ROUTE (&envoy__config__route__v3__route__descriptor)
#define ROUTE_LIST (&envoy__config__route__v3__route_list__descriptor)

typedef Xds__Type__Matcher__V3__Matcher tree_message;
typedef Xds__Type__Matcher__V3__Matcher__OnMatch branch_message;
typedef Xds__Type__Matcher__V3__Matcher__MatcherList__Predicate predicate_message;
typedef Xds__Type__Matcher__V3__Matcher__MatcherList__Predicate__PredicateList predicates_message;
typedef Xds__Type__Matcher__V3__Matcher__MatcherTree__MatchMap map_message;

struct match_input {
	bool is_query;
	struct slice name;
};

enum predicate_kind {
	PREDICATE_VALUE,
	PREDICATE_ALL, /* of the parts */
	PREDICATE_ONE,
	PREDICATE_NOT, /* the only part */
};

struct predicate {
	enum predicate_kind kind;
	struct match_input input;
	struct string_matcher value;
	const struct predicate *parts;
	size_t part_count;
};

/* Where a test that holds leads to: either of both. */
struct branch {
	const struct match_tree *tree;
	const struct route_set *routes;
};

struct match_tree {
	enum { MATCH_LIST, MATCH_EXACT, MATCH_PREFIX } kind;
	const struct predicate *predicates; /* LIST, of the same index as branches */
	size_t branch_count;
	struct match_input input; /* EXACT, PREFIX */
	struct name_map exact;    /* values: positions in branches */
	struct literal_trie prefixes;
	const struct branch *branches;
	struct branch otherwise;
};

/* What a load works with. */
struct load {
	const struct virtual_host *host;
	const struct route_build *build;
	struct diag *diag;
	unsigned depth;
};

static enum status load_tree(struct load *load, const tree_message *message,
			     const struct match_tree **out);

static enum status load_input(struct load *load, struct match_input *input,
			      const Xds__Core__V3__TypedExtensionConfig *message)
{
	const Google__Protobuf__Any *any = message ? message->typed_config : NULL;
	const Envoy__Type__Matcher__V3__HttpRequestHeaderMatchInput *header =
		any_message_of(any, HEADER_INPUT);
	const Envoy__Type__Matcher__V3__HttpRequestQueryParamMatchInput *query =
		any_message_of(any, QUERY_INPUT);

	if (!message)
		return diag_at(load->diag, "input", "is required");
	if (header) {
		input->name = header_name_of_config(header->header_name, load->build->arena);
	} else if (query) {
		input->is_query = true;
		input->name = arena_slice(load->build->arena, slice_of(query->query_param));
	} else {
		diag_at(load->diag, "input.typed_config",
			"only request headers and query parameters are supported");
		return STATUS_UNSUPPORTED;
	}
	return STATUS_OK;
}

/* The same message by another name. */
static enum status load_string(struct load *load, struct string_matcher *matcher,
			       const Xds__Type__Matcher__V3__StringMatcher *message)
{
	Envoy__Type__Matcher__V3__StringMatcher same =
		ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__INIT;
	Envoy__Type__Matcher__V3__RegexMatcher regex =
		ENVOY__TYPE__MATCHER__V3__REGEX_MATCHER__INIT;

	same.ignore_case = message->ignore_case;
	same.exact = message->exact; /* the union's texts lie at one place */
	switch ((int)message->match_pattern_case) {
	case PATTERN(EXACT):
		same.match_pattern_case = ENVOY_PATTERN(EXACT);
		break;
	case PATTERN(PREFIX):
		same.match_pattern_case = ENVOY_PATTERN(PREFIX);
		break;
	case PATTERN(SUFFIX):
		same.match_pattern_case = ENVOY_PATTERN(SUFFIX);
		break;
	case PATTERN(CONTAINS):
		same.match_pattern_case = ENVOY_PATTERN(CONTAINS);
		break;
	case PATTERN(SAFE_REGEX):
		same.match_pattern_case = ENVOY_PATTERN(SAFE_REGEX);
		same.safe_regex = &regex;
		regex.regex = message->safe_regex->regex;
		break;
	}
	return string_matcher_load(matcher, &same, load->build->arena, load->diag);
}

static enum status load_predicate(struct load *load, struct predicate *predicate,
				  const predicate_message *message);

static enum status load_parts(struct load *load, struct predicate *predicate,
			      predicate_message *const *messages, size_t count)
{
	struct predicate *parts = ARENA_NEW_ARRAY(load->build->arena, struct predicate, count);

	if (!count)
		return diag_set(load->diag, "needs predicates");
	predicate->parts = parts;
	predicate->part_count = count;
	for (size_t i = 0; i < count; i++) {
		enum status status = load_predicate(load, &parts[i], messages[i]);
		if (status) {
			diag_prefix(load->diag, "predicate[%zu]", i);
			return status;
		}
	}
	return STATUS_OK;
}

static enum status load_predicate(struct load *load, struct predicate *predicate,
				  const predicate_message *message)
{
	enum status status = STATUS_OK;

	if (++load->depth > MATCH_TREE_DEPTH_MAX)
		return diag_set(load->diag, "nested too deep");
	switch (message ? (int)message->match_type_case : 0) {
	case PREDICATE(SINGLE_PREDICATE):
		predicate->kind = PREDICATE_VALUE;
		if (message->single_predicate->matcher_case != SINGLE(VALUE_MATCH)) {
			diag_at(load->diag, "single_predicate", "only value_match is supported");
			return STATUS_UNSUPPORTED;
		}
		status = load_input(load, &predicate->input, message->single_predicate->input);
		if (!status)
			status = load_string(load, &predicate->value,
					     message->single_predicate->value_match);
		break;
	case PREDICATE(OR_MATCHER):
		predicate->kind = PREDICATE_ONE;
		status = load_parts(load, predicate, message->or_matcher->predicate,
				    message->or_matcher->n_predicate);
		break;
	case PREDICATE(AND_MATCHER):
		predicate->kind = PREDICATE_ALL;
		status = load_parts(load, predicate, message->and_matcher->predicate,
				    message->and_matcher->n_predicate);
		break;
	case PREDICATE(NOT_MATCHER):
		predicate->kind = PREDICATE_NOT;
		status = load_parts(load, predicate,
				    (predicate_message *const *)&message->not_matcher, 1);
		break;
	default:
		status = diag_set(load->diag, "a predicate is required");
	}
	load->depth--;
	return status;
}

static enum status load_routes(struct load *load, struct branch *branch,
			       Envoy__Config__Route__V3__Route *const *messages, size_t count)
{
	struct arena *arena = load->build->arena;
	struct route_set *set = ARENA_NEW(arena, struct route_set);
	struct route *routes = ARENA_NEW_ARRAY(arena, struct route, count);
	struct route_matcher *matchers = ARENA_NEW_ARRAY(arena, struct route_matcher, count);

	for (size_t i = 0; i < count; i++) {
		enum status status = route_load(&routes[i], &matchers[i], messages[i], load->host,
						load->build, load->diag);
		if (status) {
			diag_prefix(load->diag, "routes[%zu]", i);
			return status;
		}
	}
	*set = (struct route_set){routes, matchers, (uint32_t)count, NULL};
	route_set_index_paths(set, arena);
	branch->routes = set;
	return STATUS_OK;
}

/* message may be NULL: nowhere. */
static enum status load_branch(struct load *load, struct branch *branch,
			       const branch_message *message)
{
	enum status status;

	if (!message)
		return STATUS_OK;
	if (message->keep_matching) {
		diag_at(load->diag, "keep_matching", "is not supported");
		return STATUS_UNSUPPORTED;
	}
	if (message->on_match_case == ON_MATCH(MATCHER)) {
		status = load_tree(load, message->matcher, &branch->tree);
		if (status)
			diag_prefix(load->diag, "matcher");
		return status;
	}
	if (message->on_match_case != ON_MATCH(ACTION))
		return diag_set(load->diag, "one of matcher, action is required");

	const Google__Protobuf__Any *any = message->action->typed_config;
	const Envoy__Config__Route__V3__RouteList *list = any_message_of(any, ROUTE_LIST);
	Envoy__Config__Route__V3__Route *one =
		(Envoy__Config__Route__V3__Route *)any_message_of(any, ROUTE);
	if (list)
		status = load_routes(load, branch, list->routes, list->n_routes);
	else if (one)
		status = load_routes(load, branch, &one, 1);
	else
		status = diag_at(load->diag, "typed_config", "must be a Route or a RouteList");
	if (status)
		diag_prefix(load->diag, "action");
	return status;
}

static enum status load_list(struct load *load, struct match_tree *tree,
			     const Xds__Type__Matcher__V3__Matcher__MatcherList *message)
{
	struct arena *arena = load->build->arena;
	size_t count = message->n_matchers;
	struct predicate *predicates = ARENA_NEW_ARRAY(arena, struct predicate, count);
	struct branch *branches = ARENA_NEW_ARRAY(arena, struct branch, count);

	tree->kind = MATCH_LIST;
	tree->predicates = predicates;
	tree->branches = branches;
	tree->branch_count = count;
	for (size_t i = 0; i < count; i++) {
		enum status status =
			load_predicate(load, &predicates[i], message->matchers[i]->predicate);
		if (status)
			diag_prefix(load->diag, "predicate");
		else if ((status = load_branch(load, &branches[i], message->matchers[i]->on_match)))
			diag_prefix(load->diag, "on_match");
		if (status) {
			diag_prefix(load->diag, "matcher_list.matchers[%zu]", i);
			return status;
		}
	}
	return STATUS_OK;
}

static enum status load_map(struct load *load, struct match_tree *tree, const map_message *message)
{
	struct arena *arena = load->build->arena;
	size_t count = message->n_map;
	struct branch *branches = ARENA_NEW_ARRAY(arena, struct branch, count);
	struct literal_trie_key *keys = ARENA_NEW_ARRAY(arena, struct literal_trie_key, count);

	tree->branches = branches;
	tree->branch_count = count;
	name_map_init(&tree->exact, count, arena);
	for (size_t i = 0; i < count; i++) {
		keys[i] = (struct literal_trie_key){
			arena_slice(arena, slice_of(message->map[i]->key)), (uint32_t)i};
		if (name_map_add(&tree->exact, keys[i].text, (uint32_t)i) != i)
			return diag_set(load->diag, "key \"%s\" occurs twice",
					message->map[i]->key);
		enum status status = load_branch(load, &branches[i], message->map[i]->value);
		if (status) {
			diag_prefix(load->diag, "map[\"%s\"]", message->map[i]->key);
			return status;
		}
	}
	if (tree->kind == MATCH_PREFIX)
		literal_trie_build(&tree->prefixes, keys, count, false, arena);
	return STATUS_OK;
}

static enum status load_tree(struct load *load, const tree_message *message,
			     const struct match_tree **out)
{
	struct match_tree *tree = ARENA_NEW(load->build->arena, struct match_tree);
	enum status status;

	*out = tree;
	if (++load->depth > MATCH_TREE_DEPTH_MAX)
		return diag_set(load->diag, "nested too deep");
	if (message->matcher_type_case == MATCHER(MATCHER_LIST)) {
		status = load_list(load, tree, message->matcher_list);
	} else if (message->matcher_type_case == MATCHER(MATCHER_TREE)) {
		status = load_input(load, &tree->input, message->matcher_tree->input);
		if (!status && message->matcher_tree->tree_type_case == TREE(EXACT_MATCH_MAP)) {
			tree->kind = MATCH_EXACT;
			status = load_map(load, tree, message->matcher_tree->exact_match_map);
		} else if (!status &&
			   message->matcher_tree->tree_type_case == TREE(PREFIX_MATCH_MAP)) {
			tree->kind = MATCH_PREFIX;
			status = load_map(load, tree, message->matcher_tree->prefix_match_map);
		} else if (!status) {
			diag_set(load->diag, "only exact_match_map and prefix_match_map are "
					     "supported");
			status = STATUS_UNSUPPORTED;
		}
		if (status)
			diag_prefix(load->diag, "matcher_tree");
	} else {
		status = STATUS_OK; /* on_no_match alone */
	}
	if (!status && (status = load_branch(load, &tree->otherwise, message->on_no_match)))
		diag_prefix(load->diag, "on_no_match");
	load->depth--;
	return status;
}

enum status match_tree_load(const struct match_tree **tree, const tree_message *message,
			    const struct virtual_host *host, const struct route_build *build,
			    struct diag *diag)
{
	struct load load = {host, build, diag, 0};

	return load_tree(&load, message, tree);
}

/* --- matching --- */

static bool value_of(const struct match_input *what, const struct route_match_input *input,
		     unsigned *looked_at, struct slice *value)
{
	if (what->is_query) {
		*looked_at |= ROUTE_LOOKED_AT_QUERY;
		return query_find(input->query, what->name, value);
	}
	*looked_at |= ROUTE_LOOKED_AT_HEADERS;
	*value = headers_get_joined(input->headers, what->name, input->headers->arena);
	return value->data;
}

static bool predicate_test(const struct predicate *predicate, const struct route_match_input *input,
			   unsigned *looked_at)
{
	struct slice value;

	switch (predicate->kind) {
	case PREDICATE_VALUE:
		return value_of(&predicate->input, input, looked_at, &value) &&
		       string_matcher_test(&predicate->value, value);
	case PREDICATE_NOT:
		return !predicate_test(predicate->parts, input, looked_at);
	case PREDICATE_ALL:
	case PREDICATE_ONE:
		break;
	}
	for (size_t i = 0; i < predicate->part_count; i++)
		if (predicate_test(&predicate->parts[i], input, looked_at) ==
		    (predicate->kind == PREDICATE_ONE))
			return predicate->kind == PREDICATE_ONE;
	return predicate->kind == PREDICATE_ALL;
}

static const struct route_set *find_leaf(const struct match_tree *tree,
					 const struct route_match_input *input,
					 unsigned *looked_at);

static const struct route_set *follow(const struct branch *branch,
				      const struct route_match_input *input, unsigned *looked_at)
{
	return branch->tree ? find_leaf(branch->tree, input, looked_at) : branch->routes;
}

static const struct route_set *find_in_map(const struct match_tree *tree,
					   const struct route_match_input *input,
					   unsigned *looked_at)
{
	const struct route_set *found = NULL;
	struct slice value;
	bool is_whole;

	if (!value_of(&tree->input, input, looked_at, &value))
		return NULL;
	if (tree->kind == MATCH_EXACT) {
		uint32_t at = name_map_find(&tree->exact, value);
		return at == NAME_MAP_NONE ? NULL : follow(&tree->branches[at], input, looked_at);
	}
	uint32_t at = literal_trie_find(&tree->prefixes, value, &is_whole);
	for (; at != LITERAL_TRIE_NONE && !found; at = tree->prefixes.nodes[at].shorter)
		found = follow(&tree->branches[tree->prefixes.nodes[at].value], input, looked_at);
	return found;
}

static const struct route_set *find_leaf(const struct match_tree *tree,
					 const struct route_match_input *input, unsigned *looked_at)
{
	const struct route_set *found = NULL;

	if (tree->kind == MATCH_LIST) {
		for (size_t i = 0; i < tree->branch_count && !found; i++)
			if (predicate_test(&tree->predicates[i], input, looked_at))
				found = follow(&tree->branches[i], input, looked_at);
	} else {
		found = find_in_map(tree, input, looked_at);
	}
	return found ? found : follow(&tree->otherwise, input, looked_at);
}

const struct route *match_tree_match(const struct match_tree *tree,
				     const struct route_match_input *input, unsigned *looked_at)
{
	const struct route_set *leaf = find_leaf(tree, input, looked_at);

	return leaf ? route_set_match(leaf, input, looked_at) : NULL;
}
