#include "hotrestart/supervision.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/attributes.h"

void supervision_init(struct supervision *s, bool is_twin, bool begins_idle)
{
	*s = (struct supervision){.is_twin = is_twin, .has_begun = begins_idle};
}

enum supervision_state supervision_state(const struct supervision *s)
{
	if (s->is_ending)
		return SUPERVISION_ENDING;
	if (s->current && !s->is_live)
		return SUPERVISION_STARTING;
	if (s->current)
		return s->successor ? SUPERVISION_UPGRADING : SUPERVISION_SERVING;
	return s->leaving_count ? SUPERVISION_LEAVING : SUPERVISION_IDLE;
}

bool supervision_is_well(const struct supervision *s)
{
	switch (supervision_state(s)) {
	case SUPERVISION_STARTING:
		/* READY comes a moment after what was replaced has said so */
		return s->leaving_count > 0;
	case SUPERVISION_ENDING:
		return false;
	case SUPERVISION_IDLE:
	case SUPERVISION_SERVING:
	case SUPERVISION_UPGRADING:
	case SUPERVISION_LEAVING:
		return true;
	}
	return false;
}

const char *supervision_state_name(enum supervision_state state)
{
	switch (state) {
	case SUPERVISION_IDLE:
		return "IDLE";
	case SUPERVISION_STARTING:
		return "STARTING";
	case SUPERVISION_SERVING:
		return "SERVING";
	case SUPERVISION_UPGRADING:
		return "UPGRADING";
	case SUPERVISION_LEAVING:
		return "LEAVING";
	case SUPERVISION_ENDING:
		return "ENDING";
	}
	return "?";
}

int supervision_code_of(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static bool is_leaving(const struct supervision *s, pid_t child)
{
	for (unsigned i = 0; i < s->leaving_count; i++)
		if (s->leaving[i] == child)
			return true;
	return false;
}

bool supervision_knows(const struct supervision *s, pid_t child)
{
	return child && (child == s->current || child == s->successor || is_leaving(s, child));
}

/* Of more than the list holds the oldest is forgotten: an orphan then. There is never more than one
 * while processes keep to the upgrade's steps. */
static void add_leaving(struct supervision *s, pid_t child)
{
	if (s->leaving_count == SUPERVISION_LEAVING_MAX)
		memmove(s->leaving, s->leaving + 1, --s->leaving_count * sizeof s->leaving[0]);
	s->leaving[s->leaving_count++] = child;
}

static bool drop_leaving(struct supervision *s, pid_t child)
{
	for (unsigned i = 0; i < s->leaving_count; i++) {
		if (s->leaving[i] != child)
			continue;
		memmove(s->leaving + i, s->leaving + i + 1,
			(--s->leaving_count - i) * sizeof s->leaving[0]);
		return true;
	}
	return false;
}

/* The successor is what counts from now on, if there is one. */
static void promote(struct supervision *s, bool is_live)
{
	s->current = s->successor;
	s->successor = 0;
	s->is_live = is_live;
	s->is_newer = s->current != 0;
	s->is_out_of_idle = false;
}

unsigned supervision_call(struct supervision *s, const char **refusal)
{
	*refusal = NULL;
	if (s->is_ending)
		*refusal = "this container is ending";
	else if (s->successor)
		*refusal = "an upgrade is under way";
	else if (s->leaving_count)
		*refusal = "a process that was replaced is still finishing what it has";
	else if (s->current && !s->is_live)
		*refusal = "the process doesn't serve yet";
	return *refusal ? 0 : SUPERVISION_START;
}

static unsigned end_with(struct supervision *s, int code)
{
	s->code = code;
	s->is_ending = true;
	return SUPERVISION_END;
}

unsigned supervision_started(struct supervision *s, pid_t child)
{
	bool is_first = !s->current, is_out_of_idle = s->has_begun;

	s->has_begun = true;
	if (!child)
		return is_first && !is_out_of_idle ? end_with(s, 1) : 0;
	if (is_first) {
		s->current = child;
		s->is_out_of_idle = is_out_of_idle;
		s->is_live = s->is_newer = false;
	} else {
		s->successor = child;
	}
	return 0;
}

unsigned supervision_ready(struct supervision *s, pid_t child)
{
	if (child && child == s->successor) {
		if (s->current)
			add_leaving(s, s->current);
		promote(s, true);
	} else if (!child || child != s->current) {
		return 0;
	}
	bool renews = s->is_newer && !s->is_ending;
	s->is_live = true;
	s->is_newer = s->is_out_of_idle = false;
	return renews ? SUPERVISION_RENEW : 0;
}

unsigned supervision_replaced(struct supervision *s, pid_t child)
{
	if (!child || child != s->current)
		return 0;
	add_leaving(s, child);
	promote(s, false);
	return 0;
}

/* Nobody is left who serves here. code: of the last who did. */
static unsigned settle(struct supervision *s, int code)
{
	if (s->leaving_count)
		return 0;
	if (s->is_ending)
		return SUPERVISION_END;
	return s->is_twin ? 0 : end_with(s, code);
}

static unsigned on_current_ended(struct supervision *s, int code)
{
	bool was_live = s->is_live, was_out_of_idle = s->is_out_of_idle;

	s->current = 0;
	s->is_live = false;
	if (s->is_ending) {
		s->code = code;
		return s->successor ? 0 : settle(s, code);
	}
	if (s->successor) { /* which finds that nobody has the service, and takes it */
		promote(s, false);
		return 0;
	}
	if (was_out_of_idle && !was_live)
		return 0;
	if (!was_live && s->leaving_count && code == SUPERVISION_REFUSED)
		return 0; /* a process of another container was quicker */
	return end_with(s, code);
}

unsigned supervision_ended(struct supervision *s, pid_t child, int status)
{
	int code = supervision_code_of(status);

	if (!child)
		return 0;
	if (child == s->current)
		return on_current_ended(s, code);
	if (child == s->successor)
		s->successor = 0;
	else if (!drop_leaving(s, child))
		return 0;
	return s->current || s->successor ? 0 : settle(s, code);
}

unsigned supervision_end(struct supervision *s, bool is_at_once)
{
	bool is_for_all = is_at_once || s->is_ending, is_any = s->current || s->successor;

	s->is_ending = true;
	if (!is_any && !s->leaving_count)
		return SUPERVISION_END;
	if (is_for_all)
		return SUPERVISION_FORWARD_ALL;
	return is_any ? SUPERVISION_FORWARD : 0;
}

void supervision_write(const struct supervision *s, pid_t self, int notify, char *text)
{
	size_t len = (size_t)snprintf(text, SUPERVISION_TEXT_MAX, "1 %ld %d %ld", (long)self,
				      notify, (long)s->current);

	for (unsigned i = 0; i < s->leaving_count; i++)
		len += (size_t)snprintf(text + len, SUPERVISION_TEXT_MAX - len, " %ld",
					(long)s->leaving[i]);
}

/* False: there is none. */
static bool next_number(struct slice *text, int *value)
{
	const char *space = text->len ? memchr(text->data, ' ', text->len) : NULL;
	size_t len = space ? (size_t)(space - text->data) : text->len;
	uint64_t number;

	if (!slice_to_uint64(slice_sub(*text, 0, len), &number) || number > INT32_MAX)
		return false;
	*value = (int)number;
	*text = slice_sub(*text, space ? len + 1 : len, text->len);
	return true;
}

bool supervision_read(struct supervision *s, struct slice text, pid_t self, int *notify)
{
	struct supervision read = {.is_twin = s->is_twin, .is_live = true, .has_begun = true};
	int version, owner, fd, child;

	if (!next_number(&text, &version) || version != 1 || !next_number(&text, &owner) ||
	    owner != self || !next_number(&text, &fd) || !next_number(&text, &child) || !child)
		return false;
	read.current = child;
	while (text.len) {
		if (read.leaving_count == SUPERVISION_LEAVING_MAX || !next_number(&text, &child) ||
		    !child)
			return false;
		read.leaving[read.leaving_count++] = child;
	}
	*notify = fd;
	*s = read;
	return true;
}
