#include "agenda.h"

#include <stdlib.h>

#include "base/attributes.h"

static bool is_before(const struct task *a, const struct task *b)
{
	if (a->at_ns != b->at_ns)
		return a->at_ns < b->at_ns;
	if ((a->kind == TASK_EVENT) != (b->kind == TASK_EVENT))
		return b->kind == TASK_EVENT;
	return a->number < b->number;
}

static void swap(struct task *a, struct task *b)
{
	struct task c = *a;
	*a = *b;
	*b = c;
}

static void sift_up(struct agenda *agenda, size_t i)
{
	for (; i && is_before(&agenda->heap[i], &agenda->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&agenda->heap[i], &agenda->heap[(i - 1) / 2]);
}

static void sift_down(struct agenda *agenda, size_t i)
{
	for (size_t child; (child = 2 * i + 1) < agenda->count; i = child) {
		if (child + 1 < agenda->count &&
		    is_before(&agenda->heap[child + 1], &agenda->heap[child]))
			child++;
		if (!is_before(&agenda->heap[child], &agenda->heap[i]))
			break;
		swap(&agenda->heap[child], &agenda->heap[i]);
	}
}

void agenda_add(struct agenda *agenda, int64_t at_ns, enum task_kind kind, size_t event)
{
	size_t i = agenda->count++;

	if (agenda->count > agenda->room) {
		agenda->room = agenda->room ? agenda->room * 2 : 64;
		agenda->heap = realloc(agenda->heap, agenda->room * sizeof(*agenda->heap));
		invariant(agenda->heap);
	}
	agenda->heap[i] = (struct task){at_ns, agenda->next_number++, kind, event};
	sift_up(agenda, i);
}

bool agenda_take(struct agenda *agenda, struct task *task)
{
	if (!agenda->count)
		return false;
	*task = agenda->heap[0];
	agenda->heap[0] = agenda->heap[--agenda->count];
	sift_down(agenda, 0);
	return true;
}

void agenda_remove(struct agenda *agenda, size_t event)
{
	for (size_t i = 0; i < agenda->count; i++) {
		if (agenda->heap[i].event != event || agenda->heap[i].kind == TASK_EVENT)
			continue;
		agenda->heap[i] = agenda->heap[--agenda->count];
		if (i < agenda->count) {
			sift_down(agenda, i);
			sift_up(agenda, i);
		}
		return;
	}
}

void agenda_free(struct agenda *agenda)
{
	free(agenda->heap);
	*agenda = (struct agenda){0};
}
