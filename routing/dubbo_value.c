#include "routing/dubbo_value.h"

#include "base/regex.h"
#include "outrigger/config/route/v1/dubbo_rules.pb-c.h"

bool dubbo_number_parse(struct slice text, int64_t *number)
{
	bool is_negative = text.len && text.data[0] == '-';
	uint64_t value;

	if (!slice_to_uint64(slice_sub(text, is_negative, text.len), &value) || value > INT64_MAX)
		return false;
	*number = is_negative ? -(int64_t)value : (int64_t)value;
	return true;
}

/* --- patterns of conditions --- */

static enum status parse_range(struct dubbo_pattern *pattern, struct slice text, size_t tilde,
			       struct diag *diag)
{
	struct slice from = slice_sub(text, 0, tilde), to = slice_sub(text, tilde + 1, text.len);

	*pattern = (struct dubbo_pattern){
		.kind = DUBBO_PATTERN_RANGE,
		.from = INT64_MIN,
		.to = INT64_MAX,
	};
	if ((!from.len && !to.len) || (from.len && !dubbo_number_parse(from, &pattern->from)) ||
	    (to.len && !dubbo_number_parse(to, &pattern->to)))
		return diag_set(diag, "'%.*s' is no range: 1~100, ~100 and 1~ are",
				SLICE_FMT(text));
	if (pattern->from > pattern->to)
		return diag_set(diag, "the range '%.*s' is empty", SLICE_FMT(text));
	return STATUS_OK;
}

/* The last '*' is the one that stands for any text, as in Java. */
static void split_glob(struct dubbo_pattern *pattern, struct slice text)
{
	size_t star = text.len;

	while (star && text.data[star - 1] != '*')
		star--;
	pattern->kind = DUBBO_PATTERN_GLOB;
	pattern->is_open = star > 0;
	pattern->prefix = star ? slice_sub(text, 0, star - 1) : text;
	pattern->suffix = star ? slice_sub(text, star, text.len) : (struct slice){0};
}

enum status dubbo_pattern_parse(struct dubbo_pattern *pattern, struct slice text,
				bool takes_parameters, struct arena *arena, struct diag *diag)
{
	size_t tilde = slice_find_char(text, '~', 0);

	if (tilde < text.len)
		return parse_range(pattern, text, tilde, diag);
	*pattern = (struct dubbo_pattern){0};
	if (takes_parameters && text.len && text.data[0] == '$') {
		pattern->kind = DUBBO_PATTERN_PARAM;
		pattern->prefix = arena_slice(arena, slice_sub(text, 1, text.len));
		return STATUS_OK;
	}
	split_glob(pattern, arena_slice(arena, text));
	return STATUS_OK;
}

static bool test_glob(const struct dubbo_pattern *glob, struct slice value)
{
	if (!glob->is_open)
		return slice_equal(glob->prefix, value);
	if (!glob->prefix.len && !glob->suffix.len)
		return true;
	return value.len && slice_starts_with(value, glob->prefix) &&
	       slice_ends_with(value, glob->suffix);
}

bool dubbo_pattern_test(const struct dubbo_pattern *pattern, struct slice value,
			struct slice parameter)
{
	struct dubbo_pattern glob;
	int64_t number = 0;

	switch ((enum dubbo_pattern_kind)pattern->kind) {
	case DUBBO_PATTERN_GLOB:
		return test_glob(pattern, value);
	case DUBBO_PATTERN_RANGE:
		if (!dubbo_number_parse(value, &number)) /* as Java: what is no number is 0 */
			number = 0;
		return number >= pattern->from && number <= pattern->to;
	case DUBBO_PATTERN_PARAM:
		split_glob(&glob, parameter);
		return test_glob(&glob, value);
	}
	return false;
}

/* --- texts --- */

enum status dubbo_text_load(struct dubbo_text *text,
			    const Outrigger__Config__Route__V1__DubboStringMatch *message,
			    struct arena *arena, struct diag *diag)
{
	const char *const fields[] = {"exact", "prefix", "regex", "wildcard", "empty", "noempty"};
	const Google__Protobuf__StringValue *values[COUNT_OF(fields)] = {0};
	unsigned given = 0;

	if (message) {
		values[0] = message->exact;
		values[1] = message->prefix;
		values[2] = message->regex;
		values[3] = message->wildcard;
		values[4] = message->empty;
		values[5] = message->noempty;
	}
	*text = (struct dubbo_text){0};
	for (unsigned i = 0; i < COUNT_OF(fields); i++) {
		if (!values[i])
			continue;
		if (given++)
			return diag_at(diag, fields[i], "one test of a text at a time");
		text->kind = (uint8_t)i; /* the same order */
		text->text = arena_slice(arena, slice_of(values[i]->value));
	}
	if (!given)
		return diag_set(diag, "one of exact, prefix, regex, noempty, empty and wildcard is "
				      "required");
	if (text->kind == DUBBO_TEXT_ANY && !slice_equal(text->text, SLICE("*")))
		text->kind = DUBBO_TEXT_EXACT; /* as Java: it knows "*" only */
	if (text->kind != DUBBO_TEXT_REGEX)
		return STATUS_OK;
	enum status status = regex_compile(text->text, REGEX_MATCH, arena, &text->regex, diag);
	if (status)
		diag_prefix(diag, "regex");
	return status;
}

bool dubbo_text_test(const struct dubbo_text *text, struct slice value)
{
	switch ((enum dubbo_text_kind)text->kind) {
	case DUBBO_TEXT_EXACT:
		return value.data && slice_equal(value, text->text);
	case DUBBO_TEXT_PREFIX:
		return value.data && slice_starts_with(value, text->text);
	case DUBBO_TEXT_REGEX:
		return value.data && regex_match(text->regex, value);
	case DUBBO_TEXT_ANY:
		return value.data;
	case DUBBO_TEXT_EMPTY:
		return !value.len;
	case DUBBO_TEXT_NOT_EMPTY:
		return value.len;
	}
	return false;
}

/* --- addresses --- */

static bool parse_segment(struct slice text, bool is_ipv6, uint16_t *low, uint16_t *high)
{
	const uint32_t max = is_ipv6 ? 0xffff : 255, base = is_ipv6 ? 16 : 10;
	size_t dash = slice_find_char(text, '-', 0);
	struct slice parts[2] = {slice_sub(text, 0, dash),
				 dash < text.len ? slice_sub(text, dash + 1, text.len) : text};
	uint32_t ends[2];

	*low = 0;
	*high = (uint16_t)max;
	if (slice_equal(text, SLICE("*")))
		return true;
	for (int i = 0; i < 2; i++) {
		ends[i] = 0;
		if (!parts[i].len || parts[i].len > 4)
			return false;
		for (size_t k = 0; k < parts[i].len; k++) {
			char c = slice_lower_char(parts[i].data[k]);
			uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
					 : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
								: 99;
			if (digit >= base)
				return false;
			ends[i] = ends[i] * base + digit;
		}
		if (ends[i] > max)
			return false;
	}
	*low = (uint16_t)ends[0];
	*high = (uint16_t)ends[1];
	return ends[0] <= ends[1];
}

static unsigned segment_count(uint8_t family)
{
	return family == ADDR_IPV4 ? 4 : 8;
}

static uint16_t segment_of(const struct addr *addr, unsigned i)
{
	return (uint16_t)(addr->family == ADDR_IPV4 ? addr->ip[i]
						    : addr->ip[2 * i] << 8 | addr->ip[2 * i + 1]);
}

/* A prefix leaves whole segments, one that is cut, and any: each of them is a range. */
static bool parse_prefix(struct dubbo_address *address, struct slice text, size_t slash)
{
	struct addr base;
	uint64_t bits;

	if (addr_parse_ip(slice_sub(text, 0, slash), 0, &base) ||
	    !slice_to_uint64(slice_sub(text, slash + 1, text.len), &bits))
		return false;
	const unsigned width = base.family == ADDR_IPV4 ? 8 : 16;
	if (bits > (uint64_t)width * segment_count(base.family))
		return false;
	address->family = base.family;
	for (unsigned i = 0; i < segment_count(base.family);
	     i++, bits -= bits < width ? bits : width) {
		uint32_t rest = bits < width ? (1u << (width - (unsigned)bits)) - 1 : 0;
		address->low[i] = (uint16_t)(segment_of(&base, i) & ~rest);
		address->high[i] = (uint16_t)(address->low[i] | rest);
	}
	return true;
}

static bool parse_segments(struct dubbo_address *address, struct slice host, bool is_ipv6)
{
	const unsigned count = is_ipv6 ? 8 : 4;
	size_t at = 0;

	address->family = is_ipv6 ? ADDR_IPV6 : ADDR_IPV4;
	for (unsigned i = 0; i < count; i++) {
		size_t end = slice_find_char(host, is_ipv6 ? ':' : '.', at);
		if ((end == host.len) != (i + 1 == count) ||
		    !parse_segment(slice_sub(host, at, end), is_ipv6, &address->low[i],
				   &address->high[i]))
			return false;
		at = end + 1;
	}
	return true;
}

static bool parse_host(struct dubbo_address *address, struct slice host)
{
	struct addr addr;

	if (slice_equal(host, SLICE("*")) || slice_equal(host, SLICE("*.*.*.*")) ||
	    (address->has_port && slice_equal(host, SLICE("0.0.0.0"))))
		return true; /* any */
	if (addr_parse_ip(host, 0, &addr))
		return parse_segments(address, host, slice_find_char(host, ':', 0) < host.len);
	address->family = addr.family;
	for (unsigned i = 0; i < segment_count(addr.family); i++)
		address->low[i] = address->high[i] = segment_of(&addr, i);
	return true;
}

/* Splits "host:port" and "[host]:port"; several colons without brackets are an IPv6 host. */
static bool split_port(struct slice text, struct slice *host, struct slice *port)
{
	size_t colon = slice_find_char(text, ':', 0);

	*host = text;
	*port = (struct slice){0};
	if (text.len && text.data[0] == '[') {
		size_t end = slice_find_char(text, ']', 0);
		if (end == text.len || (end + 1 < text.len && text.data[end + 1] != ':'))
			return false;
		*host = slice_sub(text, 1, end);
		*port = end + 1 < text.len ? slice_sub(text, end + 2, text.len) : *port;
		return end + 1 == text.len || port->len;
	}
	if (colon == text.len || slice_find_char(text, ':', colon + 1) < text.len)
		return true;
	*host = slice_sub(text, 0, colon);
	*port = slice_sub(text, colon + 1, text.len);
	return port->len;
}

enum status dubbo_address_parse(struct dubbo_address *address, struct slice text, struct diag *diag)
{
	size_t slash = slice_find_char(text, '/', 0);
	struct slice host, port;
	uint64_t number = 0;
	bool is_right;

	*address = (struct dubbo_address){0};
	if (slash < text.len) {
		is_right = parse_prefix(address, text, slash);
	} else {
		is_right = split_port(text, &host, &port);
		address->has_port = port.len && !slice_equal(port, SLICE("*"));
		is_right = is_right && (!address->has_port ||
					(slice_to_uint64(port, &number) && number <= UINT16_MAX));
		address->port = (uint16_t)number;
		is_right = is_right && parse_host(address, host);
	}
	if (!is_right)
		return diag_set(diag,
				"'%.*s' is no address of a rule: 10.0.0.1:20880, 10.0.0.*, "
				"10.0.0.1-9:20880, 10.0.0.0/24 and *:20880 are",
				SLICE_FMT(text));
	return STATUS_OK;
}

bool dubbo_address_test(const struct dubbo_address *address, const struct addr *addr)
{
	if (address->has_port && address->port != addr->port)
		return false;
	if (address->family == ADDR_NONE)
		return true;
	if (address->family != addr->family)
		return false;
	for (unsigned i = 0; i < segment_count(addr->family); i++)
		if (segment_of(addr, i) < address->low[i] || segment_of(addr, i) > address->high[i])
			return false;
	return true;
}
