#include "filters/sentinel/cluster/token_desk.h"

#include <stdlib.h>

#include "base/attributes.h"

static void take_off(struct token_desk *desk, uint32_t number)
{
	struct token_place *place = &desk->places[number];

	place->ask = NULL;
	place->use++;
	place->next_free = desk->first_free;
	desk->first_free = number + 1;
}

static void read_answer(struct doorbell *bell, struct note *note)
{
	struct token_desk *desk = container_of(bell, struct token_desk, bell);
	struct question *question = container_of(note, struct question, note);
	struct token_place *place = &desk->places[question->place];

	if (place->ask && place->use == question->use) {
		struct token_ask *ask = place->ask;
		take_off(desk, question->place);
		token_ask_answer(ask, question->answer);
	}
	free(question);
}

enum status token_desk_open(struct token_desk *desk, struct loop *loop, struct token_counts *counts)
{
	enum status status = doorbell_open(&desk->bell, loop, read_answer);

	desk->counts = counts;
	desk->is_open = !status;
	return status;
}

void token_desk_close(struct token_desk *desk)
{
	if (!desk->is_open)
		return;
	desk->is_open = false;
	doorbell_rest(&desk->bell);
}

static void free_question(struct note *note)
{
	free(container_of(note, struct question, note));
}

void token_desk_fini(struct token_desk *desk)
{
	doorbell_close(&desk->bell, free_question);
	free(desk->places);
}

static uint32_t free_place(struct token_desk *desk)
{
	uint32_t number = desk->first_free;

	if (number) {
		desk->first_free = desk->places[number - 1].next_free;
		return number - 1;
	}
	if (desk->count == desk->room) {
		desk->room = desk->room ? desk->room * 2 : 64;
		desk->places = realloc(desk->places, desk->room * sizeof(*desk->places));
		invariant(desk->places);
	}
	desk->places[desk->count] = (struct token_place){0};
	return desk->count++;
}

void token_desk_add(struct token_desk *desk, struct token_ask *ask, struct question *question)
{
	question->desk = desk;
	question->place = free_place(desk);
	question->use = desk->places[question->place].use;
	desk->places[question->place].ask = ask;
	ask->state = (void *)((uintptr_t)question->place + 1);
}

void token_desk_forget(struct token_desk *desk, struct token_ask *ask)
{
	uintptr_t place = (uintptr_t)ask->state;

	invariant(place && desk->places[place - 1].ask == ask);
	take_off(desk, (uint32_t)place - 1);
	ask->state = NULL;
}

static void count(struct token_counts *counts, int32_t status)
{
	_Atomic uint64_t *counter = &counts->refused;

	switch (status) {
	case TOKEN_OK:
	case TOKEN_SHOULD_WAIT:
		counter = &counts->granted;
		break;
	case TOKEN_FAIL:
	case TOKEN_BAD_REQUEST:
	case TOKEN_TOO_MANY_REQUEST:
	case TOKEN_NO_RULE_EXISTS:
		counter = &counts->failed;
		break;
	default:
		break;
	}
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

void token_desk_answer(struct question *question, struct token_answer answer)
{
	count(question->desk->counts, answer.status);
	question->answer = answer;
	doorbell_put(&question->desk->bell, &question->note);
}
