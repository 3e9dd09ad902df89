/* Keys to shards, shards to units, and what becomes of requests while shards move. */
#include "filter_support.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "filters/unit/unit.h"
#include "message/rpc_head.h"
#include "stream/session.h"
#include "telemetry/stats.h"

/* Ten shards by the last digit of x-user: 0 to 4 are A's, 5 to 8 B's, 9 is C's. */
#define SHARDS_1                                                                                   \
	"{first: 0, last: 4, unit: A}, {first: 5, last: 8, unit: B}, {first: 9, last: 9, unit: C}"
#define RULE(version, shards)                                                                      \
	"rule: {name: users, version: " version ", shard_count: 10, shards: [" shards              \
	"], global_unit: C, units: [{name: B, cluster: to-b}]}"
#define KEYS "keys: [{header: x-user}], extractor: {substring: {from: -1}}"
#define UNIT(more) "{" RULE("1", SHARDS_1) ", " KEYS ", local_unit: A" more "}"

static uint64_t counted(struct stream_fixture *f, unsigned id)
{
	return filter_counted(f, &unit_stats, "unit.users", id);
}

static struct stream_fixture *unit_new(const char *yaml, bool is_outbound)
{
	struct chain_entry entry = {.type = &unit_filter, .name = SLICE("it")};
	struct stream_fixture *f = stream_fixture_new(&entry, 1);
	struct config_context context;
	struct diag diag = {.line = 0};

	filter_context(&context, f, &f->arena);
	context.is_outbound = is_outbound;
	if (unit_filter.config_load(&f->entries[0].config,
				    filter_message(&f->arena, unit_filter.message, yaml), false,
				    &context, &diag))
		fail_msg("%s: %s\nin:\n%s", diag.path, diag.text, yaml);
	return f;
}

/* A newer version of the rule is published: by another listener, as it were. */
static void publish(struct stream_fixture *f, const char *yaml)
{
	struct config_context context;
	struct diag diag = {.line = 0};
	const void *config;

	filter_context(&context, f, &f->arena);
	assert_int_equal(unit_filter.config_load(
				 &config, filter_message(&f->arena, unit_filter.message, yaml),
				 false, &context, &diag),
			 STATUS_OK);
}

/* "unit=A|unit=C", "unit=C!" (required) or "to-b" (a cluster); "" : nothing is asked for. */
static const char *chosen(struct stream_fixture *f)
{
	static char text[256];
	struct policy_choice choice = {.is_refused = false};
	const struct filter *filter = &f->stream->filters[0];
	struct policy_facts facts;
	size_t len = 0;

	filter_facts(filter, &facts);
	filter->type->policy->choose(filter->config, &facts, &choice);
	text[0] = 0;
	if (choice.cluster.len)
		snprintf(text, sizeof text, "%.*s", SLICE_FMT(choice.cluster));
	for (uint32_t i = 0; i < choice.wish_count; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "%s%.*s=%.*s", i ? "|" : "",
					SLICE_FMT(choice.wishes[i].labels->key),
					SLICE_FMT(choice.wishes[i].labels->text));
	if (choice.is_required)
		snprintf(text + len, sizeof text - len, "!");
	return text;
}

/* Where the request goes, or the status it is refused with. */
static const char *fate(struct stream_fixture *f, const char *request)
{
	static char text[256];

	fixture_headers(f, request, true);
	if (!f->stream) {
		fixture_settle(f);
		const char *trace = fixture_take(f), *sent = strstr(trace, ">h");
		assert_null(strstr(trace, "R:"));
		snprintf(text, sizeof text, "%.3s", sent ? sent + 2 : "???");
		return text;
	}
	snprintf(text, sizeof text, "%s", chosen(f));
	fixture_answer_headers(f, "200", true);
	fixture_settle(f);
	fixture_take(f);
	return text;
}

static void requests_go_to_their_unit(void **state)
{
	static const struct {
		const char *yaml, *request, *fate;
	} rows[] = {
		{UNIT(""), "GET / h\nx-user: 10", "unit=A"},
		{UNIT(""), "GET / h\nx-user: 14", "unit=A"},
		{UNIT(""), "GET / h\nx-user: 15", "to-b"},
		{UNIT(""), "GET / h\nx-user: 19", "unit=C!"},
		{UNIT(""), "GET / h", "unit=C!"},
		{UNIT(""), "GET / h\nx-user: 1x", "unit=C!"},
		{UNIT(""), "GET / h\nx-user: ", "unit=C!"},
		{UNIT(", missing_key: LOCAL_FIRST"), "GET / h", "unit=A|unit=C"},
		{UNIT(", missing_key: REFUSE"), "GET / h", "400"},
		{UNIT(", missing_key: REFUSE"), "GET / h\nx-user: 4", "unit=A"},
		{UNIT(", label: zone"), "GET / h\nx-user: 9", "zone=C!"},
		/* Before all units. */
		{"{" RULE("1", SHARDS_1) ", " KEYS "}", "GET / h\nx-user: 1", "unit=A!"},
		{"{" RULE("1", SHARDS_1) ", " KEYS "}", "GET / h\nx-user: 5", "to-b"},
		{"{" RULE("1", SHARDS_1) ", " KEYS ", missing_key: LOCAL_FIRST}", "GET / h",
		 "unit=C!"},
		/* Reads. */
		{UNIT(", read_only_methods: [{exact: GET}]"), "GET / h\nx-user: 9",
		 "unit=A|unit=C"},
		{UNIT(", read_only_methods: [{exact: GET}]"), "GET / h\nx-user: 6",
		 "unit=A|unit=B"},
		{UNIT(", read_only_methods: [{exact: GET}]"), "POST / h\nx-user: 9", "unit=C!"},
		{UNIT(", read_only_methods: [{exact: GET}]"), "GET / h\nx-user: 1", "unit=A"},
		/* Behind a wrong unit once. */
		{UNIT(""), "GET / h\nx-user: 5\nx-outrigger-unit-hop: C", "421"},
		{UNIT(""), "GET / h\nx-user: 9\nx-outrigger-unit-hop: B", "421"},
		{UNIT(""), "GET / h\nx-user: 9\nx-outrigger-unit-hop: B\nx-outrigger-unit-rule: 1",
		 "421"},
		{"{" RULE("2", SHARDS_1) ", " KEYS ", local_unit: A}",
		 "GET / h\nx-user: 9\nx-outrigger-unit-hop: B\nx-outrigger-unit-rule: 1",
		 "unit=C!"},
		{UNIT(""), "GET / h\nx-user: 1\nx-outrigger-unit-hop: C", "unit=A"},
		{UNIT(""), "GET / h\nx-outrigger-unit-hop: B", "421"},
		{UNIT(", hop_header: x-hop"), "GET / h\nx-user: 9\nx-hop: B", "421"},
		/* Decided by a newer rule. */
		{UNIT(""), "GET / h\nx-user: 1\nx-outrigger-unit-rule: 1", "unit=A"},
		{UNIT(""), "GET / h\nx-user: 1\nx-outrigger-unit-rule: 2", "503"},
		{UNIT(""), "GET / h\nx-user: 9\nx-outrigger-unit-rule: 2", "503"},
		{UNIT(""), "GET / h\nx-user: 1\nx-outrigger-unit-rule: x", "503"},
		{UNIT(", read_only_methods: [{exact: GET}]"),
		 "GET / h\nx-user: 1\nx-outrigger-unit-rule: 2", "unit=A"},
		/* No rule. */
		{"{}", "GET / h\nx-user: 1", ""},
	};
	(void)state;
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct stream_fixture *f = unit_new(rows[i].yaml, false);
		const char *seen = fate(f, rows[i].request);
		if (strcmp(seen, rows[i].fate))
			fail_msg("%s of '%s': %s, not %s", rows[i].yaml, rows[i].request, seen,
				 rows[i].fate);
		stream_fixture_free(f);
	}
}

static void the_next_hop_is_told(void **state)
{
	static const struct {
		const char *request, *hop, *rule;
		bool is_outbound;
	} rows[] = {
		{"POST / h\nx-user: 1", "-", "1", false},
		{"POST / h\nx-user: 5", "A", "1", false},
		{"POST / h\nx-user: 9", "A", "1", false},
		{"POST / h\nx-user: 5", "-", "1", true}, /* it was never wrong */
		{"POST / h\nx-user: 5\nx-outrigger-unit-hop: C", "C", "1", true},
		{"POST / h\nx-user: 1\nx-outrigger-unit-rule: 0", "-", "1", false},
		{"GET / h\nx-user: 9", "-", "-", false}, /* reads it here */
		{"POST / h", "A", "-", false},
	};
	(void)state;
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct stream_fixture *f =
			unit_new(UNIT(", read_only_methods: [{exact: GET}]"), rows[i].is_outbound);
		fixture_headers(f, rows[i].request, true);
		assert_string_equal(filter_asked(f, "x-outrigger-unit-hop"), rows[i].hop);
		assert_string_equal(filter_asked(f, "x-outrigger-unit-rule"), rows[i].rule);
		fixture_answer_headers(f, "200", true);
		stream_fixture_free(f);
	}
}

/* --- while shards move --- */

#define FENCED_2                                                                                   \
	"{first: 0, last: 3, unit: A}, {first: 4, last: 4, unit: A, fenced: true}, "               \
	"{first: 5, last: 8, unit: B}, {first: 9, last: 9, unit: C}"
#define MOVED_3                                                                                    \
	"{first: 0, last: 3, unit: A}, {first: 4, last: 8, unit: B}, {first: 9, last: 9, unit: C}"
#define VERSION(version, shards) "{" RULE(version, shards) ", " KEYS ", local_unit: A}"

static void a_fenced_shard_takes_no_writes(void **state)
{
	struct stream_fixture *f = unit_new(UNIT(", read_only_methods: [{exact: GET}]"), false);
	(void)state;

	assert_string_equal(fate(f, "POST / h\nx-user: 4"), "unit=A");
	publish(f, VERSION("2", FENCED_2)); /* in force for what was configured before, too */
	assert_string_equal(fate(f, "POST / h\nx-user: 4"), "503");
	assert_string_equal(f->details, "shard_moving");
	assert_string_equal(fate(f, "POST / h\nx-user: 3"), "unit=A");
	assert_string_equal(fate(f, "GET / h\nx-user: 4"), "unit=A");
	publish(f, VERSION("3", MOVED_3));
	assert_string_equal(fate(f, "POST / h\nx-user: 4"), "to-b");
	publish(f, VERSION("2", FENCED_2)); /* an older one changes nothing */
	assert_string_equal(fate(f, "POST / h\nx-user: 4"), "to-b");
	assert_int_equal(counted(f, UNIT_STAT_RULE_VERSION), 3);
	assert_int_equal(counted(f, UNIT_STAT_RULE_REFUSED), 1);
	assert_int_equal(counted(f, UNIT_STAT_FENCED), 1);
	stream_fixture_free(f);
}

static void a_held_write_goes_where_the_shard_went(void **state)
{
	struct stream_fixture *f = unit_new(UNIT(", hold: 2s"), false);
	(void)state;

	publish(f, VERSION("2", FENCED_2));
	fixture_headers(f, "POST / h\nx-user: 4", false);
	fixture_data(f, "body", true);
	fixture_advance(f, 500);
	assert_string_equal(fixture_take(f), "");
	assert_int_equal(counted(f, UNIT_STAT_HELD_ACTIVE), 1);
	publish(f, VERSION("3", MOVED_3));
	fixture_advance(f, 50);
	assert_string_equal(fixture_take(f), "R:H R:D(body). >resume");
	assert_string_equal(chosen(f), "to-b");
	assert_string_equal(filter_asked(f, "x-outrigger-unit-rule"), "3");
	assert_string_equal(filter_asked(f, "x-outrigger-unit-hop"), "A");
	fixture_answer_headers(f, "200", true);
	assert_int_equal(counted(f, UNIT_STAT_HELD), 1);
	assert_int_equal(counted(f, UNIT_STAT_HELD_ACTIVE), 0);
	stream_fixture_free(f);
}

static void holding_has_an_end(void **state)
{
	struct stream_fixture *f = unit_new(UNIT(", hold: 0.1s, max_held: 1"), false);
	(void)state;

	fixture_headers(f, "POST / h\nx-user: 4\nx-outrigger-unit-rule: 7", true);
	assert_string_equal(fixture_take(f), "");
	fixture_advance(f, 60);
	assert_string_equal(fixture_take(f), "");
	fixture_advance(f, 60);
	fixture_settle(f);
	assert_non_null(strstr(fixture_take(f), ">h503"));
	assert_string_equal(f->details, "unit_rule_behind");
	assert_int_equal(counted(f, UNIT_STAT_HOLD_OVER), 1);
	assert_int_equal(counted(f, UNIT_STAT_BEHIND), 1);
	assert_int_equal(counted(f, UNIT_STAT_HELD_ACTIVE), 0);
	/* One that gives up gives its place back. */
	fixture_headers(f, "POST / h\nx-user: 4\nx-outrigger-unit-rule: 7", true);
	assert_int_equal(counted(f, UNIT_STAT_HELD_ACTIVE), 1);
	fixture_reset(f);
	fixture_settle(f);
	assert_int_equal(counted(f, UNIT_STAT_HELD_ACTIVE), 0);
	stream_fixture_free(f);
	f = unit_new(UNIT(", hold: 0.1s, max_held: 0"), false);
	assert_string_equal(fate(f, "POST / h\nx-user: 4\nx-outrigger-unit-rule: 7"), "503");
	stream_fixture_free(f);
}

static void writes_under_way_are_known(void **state)
{
	struct stream_fixture *f = unit_new(UNIT(""), false);
	(void)state;

	assert_int_equal(counted(f, UNIT_STAT_DRAINED_VERSION), 1);
	fixture_headers(f, "POST / h\nx-user: 4", true);
	assert_int_equal(counted(f, UNIT_STAT_WRITES_ACTIVE), 1);
	publish(f, VERSION("2", FENCED_2));
	assert_int_equal(counted(f, UNIT_STAT_RULE_VERSION), 2);
	assert_int_equal(counted(f, UNIT_STAT_DRAINED_VERSION), 1);
	fixture_answer_headers(f, "200", true);
	fixture_settle(f);
	assert_int_equal(counted(f, UNIT_STAT_WRITES_ACTIVE), 0);
	assert_int_equal(counted(f, UNIT_STAT_DRAINED_VERSION), 2);
	fixture_headers(f, "POST / h\nx-user: 1", true);
	fixture_reset(f);
	fixture_settle(f);
	assert_int_equal(counted(f, UNIT_STAT_WRITES_ACTIVE), 0);
	assert_int_equal(counted(f, UNIT_STAT_WRITE_ACCEPTED), 2);
	stream_fixture_free(f);
}

static void a_unit_that_nobody_told_of_is_refused(void **state)
{
	struct stream_fixture *f = unit_new(UNIT(""), false);
	(void)state;

	publish(f, VERSION("2", "{first: 0, last: 0, unit: New}, {first: 1, last: 9, unit: A}"));
	assert_string_equal(fate(f, "POST / h\nx-user: 0"), "421");
	assert_string_equal(f->details, "unit_unknown");
	assert_string_equal(fate(f, "POST / h\nx-user: 1"), "unit=A");
	stream_fixture_free(f);
}

/* --- what a refused or unpublished configuration must not do --- */

static void a_rule_is_in_force_when_it_is_published(void **state)
{
	struct stream_fixture *f = unit_new(UNIT(""), false);
	struct published object = {.kind = PUBLISHED_LISTENER};
	struct config_context context;
	struct diag diag = {.line = 0};
	const void *config;
	(void)state;

	filter_context(&context, f, &f->arena);
	context.object = &object;
	assert_int_equal(unit_filter.config_load(&config,
						 filter_message(&f->arena, unit_filter.message,
								VERSION("2", FENCED_2)),
						 false, &context, &diag),
			 STATUS_OK);
	assert_string_equal(fate(f, "POST / h\nx-user: 4"), "unit=A");
	assert_non_null(object.calls);
	object.calls->run(object.calls->argument);
	assert_string_equal(fate(f, "POST / h\nx-user: 4"), "503");
	stream_fixture_free(f);
}

/* --- a million keys --- */

struct range {
	unsigned first, last;
	const char *unit;
};

/* The obvious way: copies, sscanf, one range after the other. */
static const char *naive_unit(const struct range *ranges, unsigned long long shard)
{
	while (shard < ranges->first || shard > ranges->last)
		ranges++;
	return ranges->unit;
}

static const struct range hundred[] = {
	{0, 0, "RZ00"}, {1, 6, "RZ01"}, {7, 49, "RZ02"}, {50, 50, "RZ00"}, {51, 99, "RZ03"}};
static const struct range thousand[] = {
	{0, 332, "RZ01"}, {333, 333, "RZ02"}, {334, 998, "RZ03"}, {999, 1023, "RZ01"}};

static const struct unit_config *config_of_ranges(struct stream_fixture *f,
						  const struct range *ranges, unsigned count,
						  const char *more)
{
	char yaml[2048];
	size_t len = (size_t)snprintf(yaml, sizeof yaml,
				      "{rule: {name: users, version: 1, global_unit: G, "
				      "shard_count: %u, shards: [",
				      ranges[count - 1].last + 1);
	struct config_context context;
	struct diag diag = {.line = 0};
	const void *config;

	for (unsigned i = 0; i < count; i++)
		len += (size_t)snprintf(yaml + len, sizeof yaml - len,
					"%s{first: %u, last: %u, unit: %s}", i ? ", " : "",
					ranges[i].first, ranges[i].last, ranges[i].unit);
	snprintf(yaml + len, sizeof yaml - len, "]}, keys: [{header: x-user}], extractor: %s}",
		 more);
	filter_context(&context, f, &f->arena);
	if (unit_filter.config_load(&config, filter_message(&f->arena, unit_filter.message, yaml),
				    false, &context, &diag))
		fail_msg("%s: %s", diag.path, diag.text);
	return config;
}

static const char *unit_of(const struct unit_config *config, const char *key)
{
	const struct shared_shards *shards = config->rule->shards;
	uint32_t shard;

	if (!unit_shard(&config->extractor, config->rule->shard_count, slice_of(key), &shard))
		return "?";
	const struct unit *unit = unit_find(
		config->rule, shared_shards_word(shards, shared_shards_now(shards), shard));
	return unit ? unit->name.data : "!";
}

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	return *seed ^= *seed << 17;
}

static void a_million_keys_are_placed_exactly(void **state)
{
	struct stream_fixture *f = stream_fixture_new(NULL, 0);
	const struct unit_config *ldc = config_of_ranges(f, hundred, COUNT_OF(hundred),
							 "{substring: {from: -3, length: 2}}");
	const struct unit_config *number = config_of_ranges(f, thousand, COUNT_OF(thousand), "{}");
	const struct unit_config *hash =
		config_of_ranges(f, thousand, COUNT_OF(thousand), "{method: HASH}");
	uint64_t seed = UINT64_C(88172645463325252);
	unsigned wrong = 0;
	(void)state;

	for (unsigned i = 0; i < 1000000; i++) {
		char key[32], part[3];
		unsigned digits;
		unsigned long long id = next_random(&seed) >> (i % 44);
		snprintf(key, sizeof key, "%016llu", id);
		memcpy(part, key + strlen(key) - 3, 2);
		part[2] = 0;
		assert_int_equal(sscanf(part, "%u", &digits), 1);
		wrong += strcmp(unit_of(ldc, key), naive_unit(hundred, digits)) != 0;
		wrong += strcmp(unit_of(number, key), naive_unit(thousand, id % 1024)) != 0;
		wrong += strcmp(unit_of(hash, key),
				naive_unit(thousand, XXH64(key, strlen(key), 0) % 1024)) != 0;
	}
	assert_int_equal(wrong, 0);
	stream_fixture_free(f);
}

static void keys_at_the_edges(void **state)
{
	static const struct {
		struct unit_extractor extractor;
		const char *key;
		int shard; /* -1: none */
	} rows[] = {
		{{.from = 0}, "0", 0},
		{{.from = 0}, "00000000000000000000000000000000000000000000007", 7},
		{{.from = 0}, "99999999999999999999999999999999999999999999999", 99},
		{{.from = 0}, "-1", 99},
		{{.from = 0}, "-100", 0},
		{{.from = 0}, "-", -1},
		{{.from = 0}, "", -1},
		{{.from = 0}, "+1", -1},
		{{.from = 0}, " 1", -1},
		{{.from = 0}, "1.0", -1},
		{{.has_substring = true, .from = 1, .length = 2}, "1234", 23},
		{{.has_substring = true, .from = 2, .length = 2}, "1234", 34},
		{{.has_substring = true, .from = 3, .length = 2}, "1234", -1},
		{{.has_substring = true, .from = 4}, "1234", -1},
		{{.has_substring = true, .from = 3}, "1234", 4},
		{{.has_substring = true, .from = -1}, "1234", 4},
		{{.has_substring = true, .from = -4, .length = 4}, "1234", 34},
		{{.has_substring = true, .from = -5, .length = 1}, "1234", -1},
		{{.has_substring = true, .from = -2, .length = 3}, "1234", -1},
		{{.has_substring = true, .from = -3, .length = 2}, "u1-x", -1},
		{{.has_substring = true, .from = 0, .length = UINT32_MAX}, "1234", -1},
	};
	(void)state;
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		uint32_t shard = 0;
		bool found = unit_shard(&rows[i].extractor, 100, slice_of(rows[i].key), &shard);
		if ((found ? (int)shard : -1) != rows[i].shard)
			fail_msg("row %u: '%s' is %d", i, rows[i].key, found ? (int)shard : -1);
	}
}

static bool user_argument(struct stream *s, const struct argument_path *path,
			  struct argument_value *value)
{
	(void)s;
	*value = (struct argument_value){.kind = ARGUMENT_LONG, .integer = 125, .number = 125};
	return path->argument == 1 && path->step_count == 1;
}

static void the_key_may_be_an_argument(void **state)
{
	struct stream_fixture *f = unit_new(
		"{" RULE("1", SHARDS_1) ", local_unit: A, keys: [{argument: 1.id}, {cookie: u}], "
					"extractor: {substring: {from: -1}}}",
		false);
	struct session_type type = *f->config.type;
	(void)state;

	f->config.type = &type;
	assert_string_equal(fate(f, "GET / h\ncookie: u=3"), "unit=A");
	type.argument = user_argument;
	assert_string_equal(fate(f, "GET / h\ncookie: u=3"), "to-b");
	stream_fixture_free(f);
}

static void bad_rules_are_refused(void **state)
{
	static const struct {
		const char *yaml, *path, *reason;
	} rows[] = {
		{"{rule: {}}", "rule.name", "empty"},
		{"{rule: {name: r}}", "rule.version", "> 0"},
		{"{rule: {name: r, version: 9223372036854775808}}", "rule.version", "at most"},
		{"{rule: {name: r, version: 1}}", "rule.shard_count", "from 1"},
		{"{rule: {name: r, version: 1, shard_count: 65537}}", "rule.shard_count", "65536"},
		{"{rule: {name: r, version: 1, shard_count: 2}}", "rule.shards", "shard 0 has no"},
		{"{rule: {name: r, version: 1, shard_count: 2, shards: [{first: 0, last: 2, unit: "
		 "A}]}}",
		 "rule.shards[0].last", "shard_count"},
		{"{rule: {name: r, version: 1, shard_count: 2, shards: [{first: 1, last: 0, unit: "
		 "A}]}}",
		 "rule.shards[0].last", "from first"},
		{"{rule: {name: r, version: 1, shard_count: 2, shards: [{first: 0, last: 1, unit: "
		 "A}, {first: 1, last: 1, unit: B}]}}",
		 "rule.shards[1].first", "shard 1 has a unit"},
		{"{rule: {name: r, version: 1, shard_count: 1, shards: [{first: 0, last: 0}]}}",
		 "rule.shards[0].unit", "empty"},
		{"{rule: {name: r, version: 1, shard_count: 1, units: [{name: A}, {name: A}]}}",
		 "rule.units[1].name", "already"},
		{"{" RULE("1", SHARDS_1) "}", "keys", "at least one"},
		{"{" RULE("1", SHARDS_1) ", keys: [{header: a}], local_unit: X}", "local_unit",
		 "no unit"},
		{"{rule: {name: r, version: 1, shard_count: 1, shards: [{first: 0, last: 0, unit: "
		 "A}]}, keys: [{header: a}]}",
		 "rule.global_unit", "required"},
		{UNIT(", hold: 61s"), "hold", "60"},
		{UNIT(", hop_header: 'a b'"), "hop_header", "name"},
	};
	(void)state;
	for (unsigned i = 0; i < COUNT_OF(rows); i++)
		filter_refused(&unit_filter, rows[i].yaml, rows[i].path, rows[i].reason);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_go_to_their_unit),
		cmocka_unit_test(the_next_hop_is_told),
		cmocka_unit_test(a_fenced_shard_takes_no_writes),
		cmocka_unit_test(a_held_write_goes_where_the_shard_went),
		cmocka_unit_test(holding_has_an_end),
		cmocka_unit_test(writes_under_way_are_known),
		cmocka_unit_test(a_unit_that_nobody_told_of_is_refused),
		cmocka_unit_test(a_rule_is_in_force_when_it_is_published),
		cmocka_unit_test(a_million_keys_are_placed_exactly),
		cmocka_unit_test(keys_at_the_edges),
		cmocka_unit_test(the_key_may_be_an_argument),
		cmocka_unit_test(bad_rules_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
