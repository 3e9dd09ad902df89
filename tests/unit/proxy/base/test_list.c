#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/list.h"

struct item {
	struct list_node link;
	int number;
};

static int sum_as_digits(const struct list_node *head)
{
	int sum = 0;
	for (const struct list_node *n = head->next; n != head; n = n->next) {
		assert_ptr_equal(n->next->prev, n);
		sum = sum * 10 + container_of(n, struct item, link)->number;
	}
	return sum;
}

static void nodes_come_and_go(void **state)
{
	struct list_node head;
	struct item items[] = {{.number = 1}, {.number = 2}, {.number = 3}};
	(void)state;

	list_init(&head);
	assert_true(list_is_empty(&head));
	for (int i = 0; i < 3; i++)
		list_push_back(&head, &items[i].link);
	assert_int_equal(sum_as_digits(&head), 123);
	list_remove(&items[1].link);
	assert_false(list_is_linked(&items[1].link));
	assert_int_equal(sum_as_digits(&head), 13);
	list_push_back(&head, &items[1].link);
	assert_int_equal(sum_as_digits(&head), 132);
	for (int i = 0; i < 3; i++)
		list_remove(&items[i].link);
	assert_true(list_is_empty(&head));
}

static void splicing_moves_all(void **state)
{
	struct list_node a, b;
	struct item items[] = {{.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
	(void)state;

	list_init(&a);
	list_init(&b);
	list_splice_back(&a, &b);
	assert_true(list_is_empty(&a));
	for (int i = 0; i < 4; i++)
		list_push_back(i < 2 ? &a : &b, &items[i].link);
	list_splice_back(&a, &b);
	assert_int_equal(sum_as_digits(&a), 1234);
	assert_true(list_is_empty(&b));
	list_splice_back(&b, &a);
	assert_int_equal(sum_as_digits(&b), 1234);
	assert_true(list_is_empty(&a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes_come_and_go),
		cmocka_unit_test(splicing_moves_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
