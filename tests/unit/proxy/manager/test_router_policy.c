/* A route policy that no filter of the tree knows: by the hour of the customer's day (a header, an
 * argument or a cookie) a request goes to hosts, to another cluster, or nowhere. It stands here to
 * show that routing/policy.h and the filter's table are all that a policy needs. */
#include "../../filters/filter_support.h"

#include "manager/router_private.h"
#include "message/argument_path.h"
#include "message/argument_value.h"
#include "message/cookie.h"
#include "routing/policy.h"
#include "telemetry/stats.h"

/* --- the policy --- */

struct hour_config {
	struct label night, day; /* shift=… */
	struct policy_wish wishes[2];
};

static bool find_argument(const struct policy_facts *facts, struct slice *text)
{
	static const struct argument_path first = {.argument = 0};
	struct argument_value value;

	if (!facts->argument || !facts->argument(facts->context, &first, &value))
		return false;
	*text = argument_value_text(&value, facts->arena);
	return text->data != NULL;
}

static void hour_choose(const void *config, const struct policy_facts *facts,
			struct policy_choice *choice)
{
	const struct hour_config *hours = config;
	const struct header *h = headers_find(facts->headers, SLICE("x-hour"));
	struct slice text = h ? header_value(h) : cookie_find(facts->headers, SLICE("hour"));

	if (!text.len && !find_argument(facts, &text) &&
	    !(facts->attachment && facts->attachment(facts->context, SLICE("Hour"), &text)))
		return;
	if (slice_equal(text, SLICE("night"))) {
		choice->wishes = hours->wishes;
		choice->wish_count = 2;
	} else if (slice_equal(text, SLICE("day"))) {
		choice->wishes = &hours->wishes[1];
		choice->wish_count = 1;
		choice->is_required = true;
	} else if (slice_equal(text, SLICE("far"))) {
		choice->cluster = SLICE("elsewhere");
		choice->cluster_slot = 77;
	} else {
		choice->is_refused = true;
		choice->reason = REPLY_DENIED;
		choice->http_status = 451;
		choice->text = SLICE("no such hour");
		choice->details = SLICE("hour_unknown");
	}
}

static const struct route_policy hour_policy = {"hour", hour_choose};

static enum status hour_load(const void **loaded, const struct ProtobufCMessage *message,
			     bool is_per_route, const struct config_context *context,
			     struct diag *diag)
{
	struct hour_config *config = ARENA_NEW(context->arena, struct hour_config);

	(void)message, (void)is_per_route, (void)diag;
	config->night =
		(struct label){.key = SLICE("shift"), .kind = LABEL_STRING, .text = SLICE("night")};
	config->day =
		(struct label){.key = SLICE("shift"), .kind = LABEL_STRING, .text = SLICE("day")};
	config->wishes[0] = (struct policy_wish){&config->night, 1};
	config->wishes[1] = (struct policy_wish){&config->day, 1};
	*loaded = config;
	return STATUS_OK;
}

static const struct filter_type hour_filter = {
	.name = "hour", .policy = &hour_policy, .config_load = hour_load};

/* --- another, of a route: the region is always east --- */

static const struct label east = {
	.key = SLICE("region"), .kind = LABEL_STRING, .text = SLICE("east")};

static void region_choose(const void *config, const struct policy_facts *facts,
			  struct policy_choice *choice)
{
	(void)facts;
	choice->wishes = config;
	choice->wish_count = 1;
}

static const struct route_policy region_policy = {"region", region_choose};
static const struct policy_wish in_the_east = {&east, 1};
static const struct policy_use region_use = {&region_policy, &in_the_east};

/* --- what the router makes of them --- */

static struct stream_fixture *begin(const char *lines)
{
	struct chain_entry entry = {.type = &hour_filter, .name = SLICE("it")};
	struct stream_fixture *f = stream_fixture_new(&entry, 1);
	struct config_context context;
	struct diag diag = {.line = 0};

	filter_context(&context, f, &f->arena);
	assert_int_equal(hour_load(&f->entries[0].config, NULL, false, &context, &diag), STATUS_OK);
	filter_routes(f, "[{match: {prefix: '/'}, route: {cluster: home}}]", NULL);
	fixture_headers(f, lines, true);
	return f;
}

static bool narrow(struct router *r, struct stream_fixture *f, const struct policy_use *use)
{
	struct route *route = arena_alloc(&f->arena, sizeof *route);

	*route = *f->stream->route;
	route->policy = use;
	*r = (struct router){.stream = f->stream, .route = route};
	assert_true(route_pick_cluster(route, f->stream->request, 0, NULL, &r->pick));
	return router_narrow(r);
}

/* "shift=night|shift=day!" : the wishes in order, ! for required. */
static const char *wishes_of(struct stream_fixture *f, const struct router *r)
{
	const struct narrowing *n = r->narrowing;
	char *text = arena_zalloc(&f->arena, 512);
	size_t len = 0;

	for (uint32_t w = 0; n && w < n->count; w++) {
		len += (size_t)snprintf(text + len, 512 - len, "%s", w ? "|" : "");
		for (uint32_t i = 0; i < n->wishes[w].count; i++) {
			const struct label *label = &n->wishes[w].labels[i];
			len += (size_t)snprintf(text + len, 512 - len, "%s%.*s=%.*s", i ? "," : "",
						SLICE_FMT(label->key), SLICE_FMT(label->text));
		}
	}
	snprintf(text + len, 512 - len, "%s", n && n->is_required ? "!" : "");
	return text;
}

static void facts_become_wishes(void **state)
{
	static const struct {
		const char *request, *wishes, *cluster;
		const struct policy_use *use;
	} rows[] = {
		{"GET / h", "", "home", NULL},
		{"GET / h\nx-hour: night", "shift=night|shift=day", "home", NULL},
		{"GET / h\nx-hour: day", "shift=day!", "home", NULL},
		{"GET / h\ncookie: a=b; hour=day", "shift=day!", "home", NULL},
		{"GET / h\nx-hour: far", "", "elsewhere", NULL},
		{"GET / h", "region=east", "home", &region_use},
		{"GET / h\nx-hour: night", "shift=night,region=east|shift=day,region=east", "home",
		 &region_use},
		{"GET / h\nx-hour: far", "region=east", "elsewhere", &region_use},
	};
	(void)state;
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct stream_fixture *f = begin(rows[i].request);
		struct router r;
		assert_true(narrow(&r, f, rows[i].use));
		assert_string_equal(wishes_of(f, &r), rows[i].wishes);
		assert_true(slice_equal(r.pick.name, slice_of(rows[i].cluster)));
		if (rows[i].cluster[0] == 'e')
			assert_int_equal(r.pick.slot, 77);
		fixture_answer_headers(f, "200", true);
		stream_fixture_free(f);
	}
}

static void a_refusal_is_the_answer(void **state)
{
	struct stream_fixture *f = begin("GET / h\nx-hour: noon");
	struct router r;
	(void)state;

	assert_false(narrow(&r, f, &region_use));
	assert_null(r.narrowing);
	fixture_settle(f);
	assert_string_equal(fixture_take(f), "R:H. >h451 >d(no such hour). ended");
	assert_string_equal(f->details, "hour_unknown");
	stream_fixture_free(f);
}

static bool told_argument(struct stream *s, const struct argument_path *path,
			  struct argument_value *value)
{
	(void)s;
	*value = (struct argument_value){.kind = ARGUMENT_STRING,
					 .text = path->argument ? SLICE("") : SLICE("day")};
	return !path->argument;
}

static bool told_attachment(struct stream *s, struct slice name, struct slice *text)
{
	(void)s;
	*text = SLICE("night");
	return slice_equal(name, SLICE("Hour"));
}

static void calls_have_arguments_and_attachments(void **state)
{
	struct stream_fixture *f = begin("GET / h");
	struct session_type type = *f->config.type;
	struct router r;
	(void)state;

	f->config.type = &type;
	type.attachment = told_attachment;
	assert_true(narrow(&r, f, NULL));
	assert_string_equal(wishes_of(f, &r), "shift=night|shift=day");
	type.argument = told_argument;
	assert_true(narrow(&r, f, NULL));
	assert_string_equal(wishes_of(f, &r), "shift=day!");
	fixture_answer_headers(f, "200", true);
	stream_fixture_free(f);
}

static void a_route_without_policies_is_asked_nothing(void **state)
{
	struct stream_fixture *f = stream_fixture_new(NULL, 0);
	struct router r;
	(void)state;

	filter_routes(f, "[{match: {prefix: '/'}, route: {cluster: home}}]", NULL);
	fixture_headers(f, NULL, true);
	assert_false(f->config.chain.has_policies);
	assert_true(narrow(&r, f, NULL));
	assert_null(r.narrowing);
	assert_true(narrow(&r, f, &region_use));
	assert_string_equal(wishes_of(f, &r), "region=east");
	fixture_answer_headers(f, "200", true);
	stream_fixture_free(f);
}

/* --- combination --- */

static void wishes_multiply_up_to_the_limit(void **state)
{
	struct label labels[12];
	struct policy_wish fives[5], long_one = {labels, 12};
	struct policy_choice choice = {.wishes = fives, .wish_count = 5};
	struct narrowing *narrowing = NULL;
	struct arena arena;
	(void)state;

	arena_init(&arena, 4096);
	for (unsigned i = 0; i < 12; i++)
		labels[i] = (struct label){.key = slice_of(arena_printf(&arena, "k%u", i)),
					   .kind = LABEL_STRING,
					   .text = SLICE("v")};
	for (unsigned i = 0; i < 5; i++)
		fives[i] = (struct policy_wish){&labels[i], 1};
	narrowing_add(&narrowing, &choice, &arena);
	assert_int_equal(narrowing->count, 5);
	narrowing_add(&narrowing, &choice, &arena);
	assert_int_equal(narrowing->count, POLICY_WISHES_MAX);
	assert_int_equal(narrowing->wishes[0].count, 1); /* the same key twice */
	assert_int_equal(narrowing->wishes[1].count, 2);
	assert_true(slice_equal(narrowing->wishes[1].labels[0].key, SLICE("k0")));
	assert_true(slice_equal(narrowing->wishes[1].labels[1].key, SLICE("k1")));
	narrowing = NULL;
	choice = (struct policy_choice){.wishes = &long_one, .wish_count = 1};
	narrowing_add(&narrowing, &choice, &arena); /* too long: no host will do */
	assert_int_equal(narrowing->count, 0);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_become_wishes),
		cmocka_unit_test(a_refusal_is_the_answer),
		cmocka_unit_test(calls_have_arguments_and_attachments),
		cmocka_unit_test(a_route_without_policies_is_asked_nothing),
		cmocka_unit_test(wishes_multiply_up_to_the_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
