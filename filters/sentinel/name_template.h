/* A text with operators that requests fill in: names of resources, keys of answers.
 *
 *   "%SERVICE%:%METHOD%?tenant=%ATTACHMENT(tenant)%"
 *
 *   %REQ(NAME?OTHER)%           header; of calls also the attachment       %REQUEST_HEADER(…)%
 *   %ATTACHMENT(name)%          attachment, in its own case; of requests that aren't calls a header
 *   %ARGUMENT(0.user.id)%       a value in a call's arguments
 *   %COOKIE(name)%  %ROUTE_NAME%
 *   %SERVICE% %METHOD% %SERVICE_VERSION% %GROUP% %PARAMETER_TYPES%    of a call
 *   any other                   as in access logs: %PATH(NQ)%, %QUERY_PARAM(x)%, …
 *   ":20" before the last '%'   at most 20 bytes of it;   %%   a '%'
 *
 * A text of which an operator has no value isn't there at all (facts of a call may be empty).
 * Owner: the arena that it was compiled in; immutable. Thread: rendering, the stream's. Limits:
 * NAME_TEMPLATE_PIECES, NAME_TEMPLATE_MAX bytes of a rendered text; what is longer is cut behind
 * them, so that whoever has a lower limit sees it. */
#ifndef FILTERS_SENTINEL_NAME_TEMPLATE_H
#define FILTERS_SENTINEL_NAME_TEMPLATE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/slice.h"

struct filter;
struct name_template;

enum {
	NAME_TEMPLATE_PIECES = 64,
	NAME_TEMPLATE_MAX = 4097, /* more than any who renders takes */
};

/* STATUS_INVALID and a diag: empty, an unknown operator, a wrong argument. */
enum status MUST_CHECK name_template_compile(const struct name_template **compiled,
					     const char *text, struct arena *arena,
					     struct diag *diag);

/* Whether calls fill it in with headers, which attachments become if somebody asks for them (a
 * route's isn't asked: there such operators see only what is a header anyway). */
bool name_template_asks_headers(const struct name_template *names);

/* In the stream's arena; .data NULL: some part of it isn't there. In request_headers, before
 * anything is held. */
struct slice name_template_render(const struct name_template *names, struct filter *f);

#endif
