/* Random tables of rules and random calls against a matcher that reads the configuration itself and
 * tries everything in order. */
#include "call_support.h"

#define SEEDS 400

typedef Outrigger__Config__Route__V1__RpcRouteConfiguration table_message;
typedef Outrigger__Config__Route__V1__RpcService service_message;
typedef Outrigger__Config__Route__V1__RpcRoute route_message;
typedef Outrigger__Config__Route__V1__RpcMatch match_message;
typedef Outrigger__Config__Route__V1__ValueMatch value_message;

static uint64_t seed;

static unsigned below(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed % n);
}

static const char *const interfaces[] = {"a.Svc", "a.b.Svc", "a.b", "b.Svc", "c"};
static const char *const patterns[] = {"a.Svc", "a.b.Svc", "a.b",   "b.Svc",
				       "a.*",   "a.b*",    "*.Svc", "*"};
static const char *const methods[] = {"find", "fin", "create", "m"};
static const char *const words[] = {"", "1", "7", "12", "-3", "ab", "abc", "b", "true", "2.5"};
static const char *const paths[] = {"0", "1", "0.id", "1[0]"};
static const char *const names[] = {"tag", "env", "num"};

#define PICK(list) list[below(COUNT_OF(list))]

/* --- a table */

static value_message *random_value(struct arena *arena)
{
	value_message *v = ARENA_NEW(arena, value_message);
	outrigger__config__route__v1__value_match__init(v);
	static const struct {
		int kind;
	} kinds[] = {
#define KIND(name) {OUTRIGGER__CONFIG__ROUTE__V1__VALUE_MATCH__MATCH_PATTERN_##name}
		KIND(EXACT),  KIND(EXACT), KIND(EXACT),  KIND(IN),      KIND(PREFIX),
		KIND(SUFFIX), KIND(RANGE), KIND(MODULO), KIND(PRESENT),
	};
	unsigned kind = below(COUNT_OF(kinds));
	memcpy(&v->match_pattern_case, &kinds[kind].kind, sizeof kinds[kind].kind);
	switch (kinds[kind].kind) {
	case OUTRIGGER__CONFIG__ROUTE__V1__VALUE_MATCH__MATCH_PATTERN_EXACT:
		v->exact = (char *)(uintptr_t)PICK(words);
		break;
	case OUTRIGGER__CONFIG__ROUTE__V1__VALUE_MATCH__MATCH_PATTERN_PREFIX:
	case OUTRIGGER__CONFIG__ROUTE__V1__VALUE_MATCH__MATCH_PATTERN_SUFFIX:
		v->exact = (char *)(uintptr_t)words[1 + below(COUNT_OF(words) - 1)];
		break;
	case OUTRIGGER__CONFIG__ROUTE__V1__VALUE_MATCH__MATCH_PATTERN_IN:
		v->in = ARENA_NEW(arena, Outrigger__Config__Route__V1__ValueMatch__In);
		outrigger__config__route__v1__value_match__in__init(v->in);
		v->in->n_values = 1 + below(12);
		v->in->values = ARENA_NEW_ARRAY(arena, char *, v->in->n_values);
		for (size_t i = 0; i < v->in->n_values; i++)
			v->in->values[i] = (char *)(uintptr_t)PICK(words);
		break;
	case OUTRIGGER__CONFIG__ROUTE__V1__VALUE_MATCH__MATCH_PATTERN_RANGE:
		v->range = ARENA_NEW(arena, Envoy__Type__V3__Int64Range);
		envoy__type__v3__int64_range__init(v->range);
		v->range->start = (int64_t)below(10) - 5;
		v->range->end = v->range->start + 1 + below(10);
		break;
	case OUTRIGGER__CONFIG__ROUTE__V1__VALUE_MATCH__MATCH_PATTERN_MODULO:
		v->modulo = ARENA_NEW(arena, Outrigger__Config__Route__V1__ValueMatch__Modulo);
		outrigger__config__route__v1__value_match__modulo__init(v->modulo);
		v->modulo->remainder = ARENA_NEW(arena, Envoy__Type__V3__Int64Range);
		envoy__type__v3__int64_range__init(v->modulo->remainder);
		v->modulo->divisor = 3;
		v->modulo->remainder->end = 1 + below(3);
		v->modulo->remainder->start = v->modulo->remainder->end - 1;
		break;
	case OUTRIGGER__CONFIG__ROUTE__V1__VALUE_MATCH__MATCH_PATTERN_PRESENT:
		v->present = (int)below(2);
		break;
	}
	v->invert_match = !below(8);
	v->treat_missing_as_empty = !below(8);
	return v;
}

static value_message *exact_value(const char *text, struct arena *arena)
{
	value_message *v = ARENA_NEW(arena, value_message);
	outrigger__config__route__v1__value_match__init(v);
	v->match_pattern_case = OUTRIGGER__CONFIG__ROUTE__V1__VALUE_MATCH__MATCH_PATTERN_EXACT;
	v->exact = (char *)(uintptr_t)text;
	return v;
}

static match_message *random_match(struct arena *arena, bool is_uniform)
{
	match_message *m = ARENA_NEW(arena, match_message);
	outrigger__config__route__v1__rpc_match__init(m);
	if (below(4))
		m->method = exact_value(is_uniform ? "find" : PICK(methods), arena);
	else if (!below(3))
		m->method = random_value(arena);
	if (!below(5))
		m->version = exact_value(below(2) ? "1" : "2", arena);
	if (!below(6))
		m->application = exact_value(below(2) ? "web" : "shop", arena);
	if (is_uniform ? below(8) : below(2)) {
		m->n_arguments = 1 + below(2);
		m->arguments = ARENA_NEW_ARRAY(arena, Outrigger__Config__Route__V1__ArgumentMatch *,
					       m->n_arguments);
		for (size_t i = 0; i < m->n_arguments; i++) {
			m->arguments[i] =
				ARENA_NEW(arena, Outrigger__Config__Route__V1__ArgumentMatch);
			outrigger__config__route__v1__argument_match__init(m->arguments[i]);
			m->arguments[i]->path =
				(char *)(uintptr_t)(is_uniform && !i ? "0" : PICK(paths));
			m->arguments[i]->value = is_uniform && !i && below(8)
							 ? exact_value(PICK(words), arena)
							 : random_value(arena);
		}
	}
	if (!below(4)) {
		m->n_attachments = 1;
		m->attachments =
			ARENA_NEW_ARRAY(arena, Outrigger__Config__Route__V1__AttachmentMatch *, 1);
		m->attachments[0] = ARENA_NEW(arena, Outrigger__Config__Route__V1__AttachmentMatch);
		outrigger__config__route__v1__attachment_match__init(m->attachments[0]);
		m->attachments[0]->name = (char *)(uintptr_t)PICK(names);
		m->attachments[0]->value = random_value(arena);
	}
	return m;
}

static void random_table(table_message *table, struct arena *arena)
{
	bool is_uniform = below(2); /* many rules for one method and argument */
	unsigned number = 0;
	outrigger__config__route__v1__rpc_route_configuration__init(table);
	table->n_services = 1 + below(6);
	table->services = ARENA_NEW_ARRAY(arena, service_message *, table->n_services);
	for (size_t i = 0; i < table->n_services; i++) {
		service_message *service = table->services[i] = ARENA_NEW(arena, service_message);
		outrigger__config__route__v1__rpc_service__init(service);
		service->interface =
			(char *)(uintptr_t)(is_uniform ? patterns[4 * below(2)] : PICK(patterns));
		if (!below(4))
			service->version = (char *)(uintptr_t)(below(2) ? "1" : "2");
		if (!below(5))
			service->group = (char *)(uintptr_t) "g";
		service->n_routes = below(is_uniform ? 40 : 8);
		service->routes = ARENA_NEW_ARRAY(arena, route_message *, service->n_routes);
		for (size_t k = 0; k < service->n_routes; k++) {
			route_message *route = service->routes[k] = ARENA_NEW(arena, route_message);
			outrigger__config__route__v1__rpc_route__init(route);
			if (below(12))
				route->match = random_match(arena, is_uniform);
			route->action_case = OUTRIGGER__CONFIG__ROUTE__V1__RPC_ROUTE__ACTION_ROUTE;
			route->route = ARENA_NEW(arena, Envoy__Config__Route__V3__RouteAction);
			envoy__config__route__v3__route_action__init(route->route);
			route->route->cluster_specifier_case =
				ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__CLUSTER_SPECIFIER_CLUSTER;
			route->route->cluster = arena_printf(arena, "c%u", number++);
		}
	}
}

/* --- the oracle */

static bool oracle_pattern(const char *pattern, const char *name)
{
	size_t p = strlen(pattern), n = strlen(name);
	if (!strcmp(pattern, "*"))
		return true;
	if (pattern[0] == '*')
		return n > p - 1 && !strcmp(name + n - (p - 1), pattern + 1);
	if (pattern[p - 1] == '*')
		return n > p - 1 && !strncmp(name, pattern, p - 1);
	return !strcmp(pattern, name);
}

/* text NULL: no value. */
static bool oracle_value(const value_message *v, const char *text)
{
	bool result = false, is_present = text;
	char *end;
	long long n;

	if (v->match_pattern_case ==
	    OUTRIGGER__CONFIG__ROUTE__V1__VALUE_MATCH__MATCH_PATTERN_PRESENT)
		return v->treat_missing_as_empty && !is_present
			       ? v->present != (bool)v->invert_match
			       : (is_present == v->present) != (bool)v->invert_match;
	if (!text && !v->treat_missing_as_empty)
		return false;
	text = text ? text : "";
	n = strtoll(text, &end, 10);
	bool is_number = *text && !*end;
	switch ((int)v->match_pattern_case) {
	case OUTRIGGER__CONFIG__ROUTE__V1__VALUE_MATCH__MATCH_PATTERN_EXACT:
		result = !strcmp(v->exact, text);
		break;
	case OUTRIGGER__CONFIG__ROUTE__V1__VALUE_MATCH__MATCH_PATTERN_PREFIX:
		result = !strncmp(v->prefix, text, strlen(v->prefix));
		break;
	case OUTRIGGER__CONFIG__ROUTE__V1__VALUE_MATCH__MATCH_PATTERN_SUFFIX:
		result = strlen(text) >= strlen(v->suffix) &&
			 !strcmp(text + strlen(text) - strlen(v->suffix), v->suffix);
		break;
	case OUTRIGGER__CONFIG__ROUTE__V1__VALUE_MATCH__MATCH_PATTERN_IN:
		for (size_t i = 0; i < v->in->n_values; i++)
			result |= !strcmp(v->in->values[i], text);
		break;
	case OUTRIGGER__CONFIG__ROUTE__V1__VALUE_MATCH__MATCH_PATTERN_RANGE:
		result = is_number && n >= v->range->start && n < v->range->end;
		break;
	case OUTRIGGER__CONFIG__ROUTE__V1__VALUE_MATCH__MATCH_PATTERN_MODULO:
		n = (n % v->modulo->divisor + v->modulo->divisor) % v->modulo->divisor;
		result = is_number && n >= v->modulo->remainder->start &&
			 n < v->modulo->remainder->end;
		break;
	}
	return result != (bool)v->invert_match;
}

struct call_texts {
	const char *interface, *method, *version, *group, *application;
	const char *arguments[COUNT_OF(paths)], *attachments[COUNT_OF(names)];
};

static const char *text_of(const char *const *keys, const char *const *texts, size_t count,
			   const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(keys[i], key))
			return texts[i];
	return NULL;
}

static bool oracle_match(const match_message *m, const struct call_texts *c)
{
	if ((m->method && !oracle_value(m->method, c->method)) ||
	    (m->version && !oracle_value(m->version, c->version)) ||
	    (m->application && !oracle_value(m->application, c->application)))
		return false;
	for (size_t i = 0; i < m->n_arguments; i++)
		if (!oracle_value(
			    m->arguments[i]->value,
			    text_of(paths, c->arguments, COUNT_OF(paths), m->arguments[i]->path)))
			return false;
	for (size_t i = 0; i < m->n_attachments; i++)
		if (!oracle_value(m->attachments[i]->value,
				  text_of(names, c->attachments, COUNT_OF(names),
					  m->attachments[i]->name)))
			return false;
	return true;
}

static const char *oracle(const table_message *table, const struct call_texts *c)
{
	for (size_t i = 0; i < table->n_services; i++) {
		const service_message *s = table->services[i];
		if (!oracle_pattern(s->interface, c->interface) ||
		    (s->version[0] && (!c->version || strcmp(s->version, c->version))) ||
		    (s->group[0] && (!c->group || strcmp(s->group, c->group))))
			continue;
		for (size_t k = 0; k < s->n_routes; k++)
			if (!s->routes[k]->match || oracle_match(s->routes[k]->match, c))
				return s->routes[k]->route->cluster;
	}
	return "-";
}

/* --- calls */

static const char *maybe(const char *text)
{
	return below(4) ? text : NULL;
}

static void random_call(struct call *call, struct call_texts *c, struct routing_fixture *f)
{
	call_init(call, f);
	*c = (struct call_texts){PICK(interfaces), PICK(methods), NULL, NULL, NULL, {0}, {0}};
	c->version = maybe(below(2) ? "1" : "2");
	c->group = below(2) ? "g" : NULL;
	c->application = maybe(below(2) ? "web" : "x");
	if (c->group)
		call_attachment(call, "group", c->group);
	if (c->application)
		call_attachment(call, "remote.application", c->application);
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		const char *text = c->arguments[i] = maybe(PICK(words));
		int64_t n;
		if (!text)
			continue;
		/* Numbers come as numbers sometimes. */
		if (slice_to_int64(slice_of(text), &n) && below(2))
			call_argument(call, paths[i], int_value(n));
		else
			call_argument(call, paths[i], text_value(text));
	}
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if ((c->attachments[i] = maybe(PICK(words))))
			call_attachment(call, names[i], c->attachments[i]);
}

static void tables_agree_with_the_oracle(void **state)
{
	struct routing_fixture *f = *state;
	unsigned found = 0, tried = 0;

	f->hooks.can_read_arguments = true;
	for (unsigned n = 1; n <= SEEDS; n++) {
		struct route_table_options options = {&f->hooks, false};
		const struct route_table *t;
		table_message table;
		seed = n * UINT64_C(0x9e3779b97f4a7c15);
		random_table(&table, &f->arena);
		if (route_table_load_calls(&t, &table, &options, &f->arena, &f->diag))
			fail_msg("seed %u: %s", n, diag_format(&f->diag, f->said, sizeof f->said));
		for (unsigned i = 0; i < 60; i++, tried++) {
			struct call_texts c;
			struct call call;
			unsigned seen;
			random_call(&call, &c, f);
			const char *expected = oracle(&table, &c);
			const char *got = call_to(
				&call, t, arena_printf(&f->arena, "%s/%s", c.interface, c.method),
				c.version ? arena_printf(&f->arena, "tri-service-version: %s",
							 c.version)
					  : "",
				&seen);
			if (strcmp(expected, got) != 0)
				fail_msg("seed %u, call %u (%s/%s): %s, should be %s", n, i,
					 c.interface, c.method, got, expected);
			/* What was looked at is said, or remembered decisions were wrong. */
			assert_int_equal(call.reads > 0,
					 (seen & ~(unsigned)ROUTE_LOOKED_AT_PATH) != 0);
			found += got[0] != '-';
		}
		arena_reset(&f->arena);
	}
	/* Neither always nor never. */
	assert_in_range(found, tried / 4, tried - tried / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {ROUTING_TEST(tables_agree_with_the_oracle)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
