#include "filters/dubbo_rules/dubbo_rules.h"

#include "message/argument_path.h"
#include "message/argument_value.h"
#include "message/rpc_head.h"
#include "routing/rpc_match.h"
#include "routing/table.h"
#include "stream/worker_context.h"
#include "telemetry/stats.h"

/* --- what a call says --- */

enum { NAME_MAX_BYTES = 256 }; /* of a header that stands for an attachment */

/* A request of HTTP carries its attachments as headers. */
static struct slice header_of(const struct headers *headers, struct slice name)
{
	char lower[NAME_MAX_BYTES];
	const struct header *header;

	if (name.len > sizeof lower)
		return (struct slice){0};
	for (size_t i = 0; i < name.len; i++)
		lower[i] = slice_lower_char(name.data[i]);
	header = headers_find(headers, slice_make(lower, name.len));
	return header ? header_value(header) : (struct slice){0};
}

static struct slice attachment(void *context, struct slice name)
{
	const struct dubbo_rules_state *state = context;
	const struct headers *headers = filter_request(state->filter);
	struct slice text = {0};

	struct policy_facts facts;

	if (!headers->rpc)
		return header_of(headers, name);
	filter_facts(state->filter, &facts);
	return facts.attachment && facts.attachment(facts.context, name, &text) ? text
										: (struct slice){0};
}

static enum dubbo_argument_kind argument(void *context, uint32_t n, struct slice *text)
{
	const struct dubbo_rules_state *state = context;

	for (const struct dubbo_rules_argument *a = state->arguments; a; a = a->next)
		if (a->n == n) {
			*text = a->text;
			return a->kind;
		}
	return DUBBO_ARGUMENT_ABSENT;
}

/* As Java has it in its hands when a rule asks what it is. */
static enum dubbo_argument_kind kind_of(const struct argument_value *value)
{
	switch (value->kind) {
	case ARGUMENT_ABSENT:
		return DUBBO_ARGUMENT_ABSENT;
	case ARGUMENT_NULL:
		return DUBBO_ARGUMENT_NULL;
	case ARGUMENT_BOOL:
		return DUBBO_ARGUMENT_BOOL;
	case ARGUMENT_INT:
	case ARGUMENT_LONG:
	case ARGUMENT_DOUBLE:
		return DUBBO_ARGUMENT_NUMBER;
	case ARGUMENT_STRING:
	case ARGUMENT_ENUM: /* compared by its name */
		return DUBBO_ARGUMENT_STRING;
	case ARGUMENT_DATE:
	case ARGUMENT_BINARY:
	case ARGUMENT_LIST:
	case ARGUMENT_MAP:
	case ARGUMENT_OBJECT:
		break;
	}
	return DUBBO_ARGUMENT_OTHER;
}

static void note_argument(struct dubbo_rules_state *state, uint32_t n,
			  const struct argument_value *value, struct arena *arena)
{
	struct dubbo_rules_argument *note = ARENA_NEW(arena, struct dubbo_rules_argument);
	struct slice text = argument_value_text(value, arena);

	*note = (struct dubbo_rules_argument){
		.n = n, .kind = kind_of(value), .next = state->arguments};
	if (text.data)
		note->text = arena_slice(arena, text);
	state->arguments = note;
}

/* Arguments are at hand now only; hosts are looked at later, and again for another attempt. */
static void read_arguments(struct filter *f, const struct dubbo_rules *rules)
{
	struct dubbo_rules_state *state = f->state;
	struct policy_facts facts;

	filter_facts(f, &facts);
	for (uint32_t n = 0; facts.argument && n < 64 * COUNT_OF(rules->arguments); n++) {
		const struct argument_path path = {.argument = n};
		struct argument_value value;
		if (!(rules->arguments[n >> 6] >> (n & 63) & 1) ||
		    !facts.argument(facts.context, &path, &value))
			continue;
		note_argument(state, n, &value, facts.arena);
	}
}

/* False: what is subscribed to isn't there yet. */
static bool find_set(struct filter *f)
{
	const struct dubbo_rules_config *config = f->config;
	struct dubbo_rules_state *state = f->state;
	struct pin *pin;

	if (config->set) {
		state->set = config->set;
		return true;
	}
	if (state->pin)
		return true;
	pin = pin_find(&filter_worker(f)->pins, PUBLISHED_RULES, config->slot);
	if (!pin)
		return false;
	state->pin = pin_take(pin);
	state->set = dubbo_rule_set_of(pin->object);
	return true;
}

void dubbo_rules_close(struct filter *f)
{
	struct dubbo_rules_state *state = f->state;

	if (state->pin)
		pin_drop(state->pin);
	state->pin = NULL;
}

enum filter_status dubbo_rules_request_headers(struct filter *f, struct headers *headers, bool end)
{
	const struct dubbo_rules_config *config = f->config;
	struct dubbo_rules_state *state = f->state;
	struct route_match_input input;
	struct slice application;

	(void)end;
	if (config->is_empty || !find_set(f))
		return FILTER_CONTINUE;
	state->filter = f;
	(void)attachment(state,
			 SLICE("dubbo.tag")); /* they are read once, for as long as it lasts */
	route_match_input_init(&input, headers, 0);
	rpc_match_prepare(&input);
	state->consumer = config->consumer;
	application = headers_get(headers, HEADER_TRI_CONSUMER_APPNAME);
	if (!config->has_application && application.len)
		state->consumer.application = application;
	state->call = (struct dubbo_call){
		.interface = input.interface,
		.version = headers_get(headers, HEADER_TRI_SERVICE_VERSION),
		.group = headers_get(headers, HEADER_TRI_SERVICE_GROUP),
		.method = input.method,
		.parameter_types = headers->rpc ? headers->rpc->param_types : (struct slice){0},
		.consumer = &state->consumer,
		.attachment = attachment,
		.argument = argument,
		.context = state,
	};
	if (headers->rpc && dubbo_rules_ask_arguments(&state->set->rules, &state->call))
		read_arguments(f, &state->set->rules);
	return FILTER_CONTINUE;
}

/* --- where it goes --- */

static void choose(const void *loaded, const struct policy_facts *facts,
		   struct policy_choice *choice)
{
	const struct dubbo_rules_config *config = loaded;
	struct dubbo_rules_state *state = facts->state;

	if (!state || !state->filter)
		return;
	state->call.random = facts->random;
	state->rule = (struct host_rule){&dubbo_rules_host_rule,
					 state->set->id ^ config->application_hash};
	choice->rule = &state->rule;
	choice->rule_request = state;
}

const struct route_policy dubbo_rules_policy = {"dubbo_rules", choose};

static const struct dubbo_rules_state *state_of(const struct host_rule *rule)
{
	return container_of(rule, struct dubbo_rules_state, rule);
}

static void *open_view(const struct host_rule *rule, const struct host_facts *facts,
		       struct slice cluster, uint64_t seed)
{
	const struct dubbo_rules_state *state = state_of(rule);
	const struct dubbo_rules_config *config = state->filter->config;
	struct slice application =
		config->provider_application.len ? config->provider_application : cluster;

	return dubbo_view_new(&state->set->rules, facts, application, seed);
}

static void close_view(void *view)
{
	dubbo_view_free(view);
}

static void count_choice(struct dubbo_rules_state *state, uint32_t left, uint32_t all)
{
	const struct dubbo_rules_config *config = state->filter->config;
	enum dubbo_rules_stat id = !left        ? DUBBO_RULES_STAT_NONE_LEFT
				   : left < all ? DUBBO_RULES_STAT_NARROWED
						: DUBBO_RULES_STAT_ALL;

	if (!state->is_counted)
		stat_inc(filter_stats(state->filter), config->stats, id);
	state->is_counted = true;
}

static struct host_choice *choose_hosts(void *loaded, const struct host_rule *rule, void *request,
					const struct host_facts *facts, struct arena **arena)
{
	struct dubbo_rules_state *state = request;
	struct dubbo_view *view = loaded;
	struct dubbo_choice *choice =
		dubbo_view_choose(view, &state->set->rules, &state->call, facts);

	(void)rule;
	*arena = &view->kept;
	count_choice(state, choice->hosts.count, facts->count);
	return &choice->hosts;
}

const struct host_rule_type dubbo_rules_host_rule = {open_view, close_view, choose_hosts};
