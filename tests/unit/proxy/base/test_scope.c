#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/scope.h"

struct thing {
	struct scope_item item;
	struct scope_item *neighbour; /* removed by this one's cancel */
	char *log, name;
};

static void cancel_thing(struct scope_item *item)
{
	struct thing *thing = container_of(item, struct thing, item);
	assert_false(list_is_linked(&item->link));
	for (char *p = thing->log;; p++) {
		if (!*p) {
			*p = thing->name;
			break;
		}
	}
	if (thing->neighbour)
		scope_remove(thing->neighbour);
}

static void all_are_cancelled_newest_first(void **state)
{
	char log[8] = "";
	struct scope scope;
	struct thing a = {.log = log, .name = 'a'}, b = {.log = log, .name = 'b'},
		     c = {.log = log, .name = 'c'};
	(void)state;

	scope_init(&scope);
	scope_add(&scope, &a.item, cancel_thing);
	scope_add(&scope, &b.item, cancel_thing);
	scope_add(&scope, &c.item, cancel_thing);
	scope_cancel(&scope);
	assert_string_equal(log, "cba");
	scope_cancel(&scope);
	assert_string_equal(log, "cba");
}

static void what_was_removed_is_not_cancelled(void **state)
{
	char log[8] = "";
	struct scope scope;
	struct thing a = {.log = log, .name = 'a'}, b = {.log = log, .name = 'b'};
	(void)state;

	scope_init(&scope);
	scope_add(&scope, &a.item, cancel_thing);
	scope_add(&scope, &b.item, cancel_thing);
	scope_remove(&a.item);
	scope_remove(&a.item);
	scope_cancel(&scope);
	assert_string_equal(log, "b");
	scope_add(&scope, &a.item, cancel_thing); /* it may hang somewhere again */
	scope_cancel(&scope);
	assert_string_equal(log, "ba");
}

static void a_cancel_may_remove_others(void **state)
{
	char log[8] = "";
	struct scope scope;
	struct thing a = {.log = log, .name = 'a'}, b = {.log = log, .name = 'b'},
		     c = {.log = log, .name = 'c', .neighbour = &b.item};
	(void)state;

	scope_init(&scope);
	scope_add(&scope, &a.item, cancel_thing);
	scope_add(&scope, &b.item, cancel_thing);
	scope_add(&scope, &c.item, cancel_thing);
	scope_cancel(&scope);
	assert_string_equal(log, "ca");
	assert_true(list_is_empty(&scope.items));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_are_cancelled_newest_first),
		cmocka_unit_test(what_was_removed_is_not_cancelled),
		cmocka_unit_test(a_cancel_may_remove_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
