/* Decisions are found by the very bytes they were kept with, and for no other configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/rpc_kept.h"
#include "manager/rpc_decisions.h"
#include "routing/call_needs.h"

static const struct call_needs needs = {.path_count = 2, .attachments = true}, others;
static char targets[64]; /* what is routed to; never looked into */

static struct rpc_kept *kept_new(void)
{
	struct rpc_kept *kept = calloc(1, sizeof *kept);

	assert_non_null(kept);
	kept->holds = 1;
	kept->memo.of = targets;
	kept->memo.epoch = 7;
	return kept;
}

static struct rpc_call_bytes bytes_of(const char *first, const char *second,
				      const char *attachments)
{
	return (struct rpc_call_bytes){.arguments = {slice_of(first), slice_of(second)},
				       .count = 2,
				       .attachments = slice_of(attachments)};
}

static struct rpc_decision to(int n)
{
	return (struct rpc_decision){.route = (const struct route *)(const void *)&targets[n],
				     .is_streams = n & 1};
}

static void keep(struct rpc_kept *kept, const char *a, const char *b, const char *c, int n)
{
	struct rpc_call_bytes bytes = bytes_of(a, b, c);

	rpc_decisions_keep(kept, &needs, &bytes, to(n));
}

/* -1: none. */
static int find(struct rpc_kept *kept, const char *a, const char *b, const char *c)
{
	struct rpc_call_bytes bytes = bytes_of(a, b, c);
	const struct rpc_decision *decision;

	assert_ptr_equal(rpc_decisions_need(kept), &needs);
	decision = rpc_decisions_find(kept, &bytes);
	if (!decision)
		return -1;
	int n = (int)((const char *)(const void *)decision->route - targets);
	assert_int_equal(decision->is_streams, n & 1);
	return n;
}

static void all_bytes_count(void **state)
{
	struct rpc_kept *kept = kept_new();
	(void)state;

	assert_null(rpc_decisions_need(kept));
	rpc_decisions_keep(kept, &needs, NULL, to(0)); /* the next call's bytes are asked for */
	keep(kept, "gold", "x", "region", 1);
	keep(kept, "silver", "", "region", 2);
	for (int i = 0; i < 3; i++) { /* a found one makes up for others */
		for (int k = 0; k < 16; k++)
			assert_int_equal(find(kept, "gold", "x", "region"), 1);
		assert_int_equal(find(kept, "silver", "", "region"), 2);
		assert_int_equal(find(kept, "golx", "x", "region"), -1);
		assert_int_equal(find(kept, "gold", "", "region"), -1);
		assert_int_equal(find(kept, "goldx", "", "region"), -1);
		assert_int_equal(find(kept, "gold", "x", "regiox"), -1);
		for (int k = 0; k < 16; k++)
			assert_int_equal(find(kept, "gold", "x", "region"), 1);
		assert_int_equal(find(kept, "gold", "x", "region and more"), -1);
		assert_int_equal(find(kept, "gold", "x", ""), -1);
	}
	rpc_kept_release(kept);
}

static void rows_are_of_one_map_of_attachments(void **state)
{
	struct rpc_kept *kept = kept_new();
	(void)state;

	keep(kept, "gold", "", "north", 1);
	keep(kept, "gold", "", "south", 2);
	assert_int_equal(find(kept, "gold", "", "south"), 2);
	assert_int_equal(find(kept, "gold", "", "north"), -1);
	rpc_kept_release(kept);
}

static void the_oldest_row_goes(void **state)
{
	struct rpc_kept *kept = kept_new();
	char text[2] = "a";
	(void)state;

	for (int i = 0; i <= RPC_DECISIONS; i++) {
		text[0] = (char)('a' + i);
		keep(kept, text, "", "north", i);
	}
	assert_int_equal(find(kept, "a", "", "north"), -1);
	for (int i = 1; i <= RPC_DECISIONS; i++) {
		text[0] = (char)('a' + i);
		assert_int_equal(find(kept, text, "", "north"), i);
	}
	rpc_kept_release(kept);
}

static void what_is_too_long_is_not_kept(void **state)
{
	struct rpc_kept *kept = kept_new();
	char argument[RPC_DECISION_ARGUMENTS + 1] = {0}, map[RPC_DECISION_ATTACHMENTS + 2] = {0};
	(void)state;

	memset(argument, 'a', sizeof argument - 1);
	memset(map, 'm', sizeof map - 1);
	keep(kept, argument, "b", "north", 1);
	keep(kept, argument + 1, "b", "north", 2);
	keep(kept, "a", "b", map, 3);
	assert_int_equal(find(kept, argument, "b", "north"), -1);
	assert_int_equal(find(kept, argument + 1, "b", "north"), 2);
	keep(kept, "a", "b", map + 1, 4);
	assert_int_equal(find(kept, "a", "b", map), -1);
	assert_int_equal(find(kept, "a", "b", map + 1), 4);
	rpc_kept_release(kept);
}

static void another_configuration_begins_anew(void **state)
{
	struct rpc_kept *kept = kept_new();
	(void)state;

	keep(kept, "gold", "", "north", 1);
	kept->memo.epoch++;
	assert_null(rpc_decisions_need(kept));
	keep(kept, "silver", "", "north", 2);
	assert_int_equal(find(kept, "gold", "", "north"), -1);
	kept->memo.of = targets + 1;
	assert_null(rpc_decisions_need(kept));
	keep(kept, "gold", "", "north", 3);
	assert_int_equal(find(kept, "silver", "", "north"), -1);
	struct rpc_call_bytes bytes = bytes_of("gold", "", "north");
	rpc_decisions_keep(kept, &others, &bytes, to(4));
	assert_ptr_equal(rpc_decisions_need(kept), &others);
	rpc_decisions_keep(kept, &needs, NULL, to(5));
	assert_int_equal(find(kept, "gold", "", "north"), -1);
	rpc_kept_release(kept);
}

/* Calls that always differ aren't looked at much longer; after a while some are. */
static void looking_rests(void **state)
{
	struct rpc_kept *kept = kept_new();
	unsigned looked = 0;
	(void)state;

	keep(kept, "gold", "", "north", 1);
	for (int i = 0; i < 100000; i++) {
		if (!rpc_decisions_need(kept))
			continue;
		looked++;
		assert_null(rpc_decisions_find(kept, NULL));
	}
	assert_in_range(looked, 100, 1000);
	while (!rpc_decisions_need(kept))
		;
	assert_int_equal(find(kept, "gold", "", "north"), 1);
	rpc_kept_release(kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_bytes_count),
		cmocka_unit_test(rows_are_of_one_map_of_attachments),
		cmocka_unit_test(the_oldest_row_goes),
		cmocka_unit_test(what_is_too_long_is_not_kept),
		cmocka_unit_test(another_configuration_begins_anew),
		cmocka_unit_test(looking_rests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
