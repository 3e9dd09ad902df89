/* One function for each kind of operator. */
#include "base/hash.h"
#include "message/format_op.h"
#include "message/format_time.h"
#include "message/grpc.h"
#include "message/headers.h"
#include "message/percent.h"
#include "message/stream_info.h"

/* --- writing --- */

#define PAIRS(tens)                                                                                \
	tens "0" tens "1" tens "2" tens "3" tens "4" tens "5" tens "6" tens "7" tens "8" tens "9"
/* Without the 0 at its end. */
const char format_digit_pairs[200] = PAIRS("0") PAIRS("1") PAIRS("2") PAIRS("3") PAIRS("4")
	PAIRS("5") PAIRS("6") PAIRS("7") PAIRS("8") PAIRS("9");

void format_out_slow(struct format_out *out, const char *data, size_t len)
{
	size_t room = (size_t)(out->end - out->at);
	if (room)
		memcpy(out->at, data, room);
	out->at = out->end;
	out->lost += len - room;
}

void format_copy_long(char *to, const char *from, size_t len)
{
	memcpy(to, from, len);
}

void format_out_number(struct format_out *out, uint64_t number)
{
	char digits[20], *p = digits + sizeof digits;
	if (number < 1000 && out->end - out->at >= 3) { /* codes, milliseconds, no bytes */
		unsigned n = (unsigned)number;
		if (n >= 100)
			*out->at++ = (char)('0' + n / 100);
		if (n >= 10)
			*out->at++ = (char)('0' + n / 10 % 10);
		*out->at++ = (char)('0' + n % 10);
		return;
	}
	for (; number >= 100; number /= 100)
		format_two_digits(p -= 2, (unsigned)(number % 100));
	if (number >= 10)
		format_two_digits(p -= 2, (unsigned)number);
	else
		*--p = (char)('0' + number);
	format_out(out, p, (size_t)(digits + sizeof digits - p));
}

/* The slice, cut to the operator's length. */
static bool put_cut(const struct format_op *op, struct slice s, struct format_out *out)
{
	if (s.len > op->max_len)
		s.len = op->max_len;
	format_out_slice(out, s);
	return true;
}

static const void *field(const struct stream_info *info, uint16_t offset)
{
	return (const char *)info + offset;
}

/* --- constants and fields --- */

bool format_render_none(const struct format_op *op, const struct stream_info *info,
			struct format_out *out)
{
	(void)op, (void)info, (void)out;
	return false;
}

bool format_render_constant(const struct format_op *op, const struct stream_info *info,
			    struct format_out *out)
{
	(void)info;
	return put_cut(op, op->text, out);
}

bool format_render_zero(const struct format_op *op, const struct stream_info *info,
			struct format_out *out)
{
	(void)op, (void)info;
	format_out(out, "0", 1);
	return true;
}

bool format_render_u64(const struct format_op *op, const struct stream_info *info,
		       struct format_out *out)
{
	format_out_number(out, *(const uint64_t *)field(info, op->offset));
	return true;
}

bool format_render_u16(const struct format_op *op, const struct stream_info *info,
		       struct format_out *out)
{
	format_out_number(out, *(const uint16_t *)field(info, op->offset));
	return true;
}

bool format_render_u8(const struct format_op *op, const struct stream_info *info,
		      struct format_out *out)
{
	format_out_number(out, *(const uint8_t *)field(info, op->offset));
	return true;
}

bool format_render_slice(const struct format_op *op, const struct stream_info *info,
			 struct format_out *out)
{
	const struct slice *s = field(info, op->offset);
	return s->len && put_cut(op, *s, out);
}

/* Of a field that always has a value, which may be empty. */
bool format_render_plain_slice(const struct format_op *op, const struct stream_info *info,
			       struct format_out *out)
{
	const struct slice *s = field(info, op->offset);
	return put_cut(op, *s, out);
}

bool format_render_duration(const struct format_op *op, const struct stream_info *info,
			    struct format_out *out)
{
	static const uint32_t units[] = {
		[FORMAT_MS] = 1000000, [FORMAT_US] = 1000, [FORMAT_NS] = 1};
	uint64_t from = *(const uint64_t *)field(info, op->offset);
	uint64_t to = *(const uint64_t *)field(info, op->other_offset);
	if (!from || to < from)
		return false;
	format_out_number(out, (to - from) / units[op->option]);
	return true;
}

/* offset and other_offset: in struct call_times. */
bool format_render_call_time(const struct format_op *op, const struct stream_info *info,
			     struct format_out *out)
{
	const char *times = (const char *)info->call_times;
	uint64_t from, to;

	if (!times)
		return false;
	memcpy(&from, times + op->offset, sizeof from);
	memcpy(&to, times + op->other_offset, sizeof to);
	if (!from || to < from)
		return false;
	format_out_number(out, (to - from) / (op->option == FORMAT_MS   ? 1000000
					      : op->option == FORMAT_US ? 1000
									: 1));
	return true;
}

bool format_render_protocol(const struct format_op *op, const struct stream_info *info,
			    struct format_out *out)
{
	struct slice text = {NULL, 0};
	switch ((enum stream_protocol) * (const uint8_t *)field(info, op->offset)) {
	case STREAM_PROTOCOL_HTTP10:
		text = SLICE("HTTP/1.0");
		break;
	case STREAM_PROTOCOL_HTTP11:
		text = SLICE("HTTP/1.1");
		break;
	case STREAM_PROTOCOL_HTTP2:
		text = SLICE("HTTP/2");
		break;
	case STREAM_PROTOCOL_DUBBO:
		text = SLICE("Dubbo");
		break;
	case STREAM_PROTOCOL_BOLT:
		text = SLICE("Bolt");
		break;
	case STREAM_PROTOCOL_NONE:
	case STREAM_PROTOCOL_TCP:
		break;
	}
	format_out_slice(out, text);
	return text.len;
}

static void put_flag(struct format_out *out, unsigned flag, bool is_long)
{
	static const struct slice names[][2] = {
#define FLAG_NAMES(name, short_form, long_form)                                                    \
	[RESPONSE_FLAG_##                                                                          \
		name] = {{short_form, sizeof short_form - 1}, {long_form, sizeof long_form - 1}},
		RESPONSE_FLAG_TABLE(FLAG_NAMES)
#undef FLAG_NAMES
	};
	format_out_slice(out, names[flag][is_long]);
}

/* "URX,UF"; "-" is the value when there is no flag. option: the long names. Envoy's order is that
 * in which flags were raised: that retries are used up is known before why the last try failed; the
 * others hardly ever meet. */
bool format_render_flags(const struct format_op *op, const struct stream_info *info,
			 struct format_out *out)
{
	const uint64_t no_retries = UINT64_C(1) << RESPONSE_FLAG_UPSTREAM_RETRY_LIMIT_EXCEEDED;
	uint64_t flags = info->flags & ((UINT64_C(1) << RESPONSE_FLAG_COUNT) - 1);
	if (!flags)
		format_out(out, "-", 1);
	if (flags & no_retries) {
		flags &= ~no_retries;
		put_flag(out, RESPONSE_FLAG_UPSTREAM_RETRY_LIMIT_EXCEEDED, op->option);
		if (flags)
			format_out(out, ",", 1);
	}
	while (flags) {
		put_flag(out, (unsigned)__builtin_ctzll(flags), op->option);
		flags &= flags - 1;
		if (flags)
			format_out(out, ",", 1);
	}
	return true;
}

/* The reason, with '_' for blanks, unless they are allowed (option). */
bool format_render_details(const struct format_op *op, const struct stream_info *info,
			   struct format_out *out)
{
	struct slice s = info->response_code_details;
	if (!s.len)
		return false;
	for (size_t from = 0; from < s.len;) {
		size_t blank = op->option ? s.len : slice_find_char(s, ' ', from);
		format_out_slice(out, slice_sub(s, from, blank));
		if (blank < s.len)
			format_out(out, "_", 1);
		from = blank + 1;
	}
	return true;
}

bool format_render_log_type(const struct format_op *op, const struct stream_info *info,
			    struct format_out *out)
{
	static const struct slice names[] = {
#define LOG_TYPE_NAME(name, text) [LOG_TYPE_##name] = {text, sizeof text - 1},
		LOG_TYPE_TABLE(LOG_TYPE_NAME)
#undef LOG_TYPE_NAME
	};
	if (info->log_type >= COUNT_OF(names))
		return false;
	return put_cut(op, names[info->log_type], out);
}

bool format_render_time(const struct format_op *op, const struct stream_info *info,
			struct format_out *out)
{
	uint64_t wall_ns = info->start_wall_ns;
	if (op->option == FORMAT_TIME_EMIT && info->times.end_ns > info->times.start_ns)
		wall_ns += info->times.end_ns - info->times.start_ns;
	if (!wall_ns)
		return false;
	format_time_write(op->time, wall_ns, out);
	return true;
}

/* --- addresses --- */

static const struct addr *address(const struct format_op *op, const struct stream_info *info)
{
	const struct addr *const *addr = field(info, op->offset);
	return *addr && (*addr)->family != ADDR_NONE ? *addr : NULL;
}

static char *put_octet(char *p, unsigned n)
{
	if (n >= 100) {
		*p++ = (char)('0' + n / 100);
		format_two_digits(p, n % 100);
		return p + 2;
	}
	format_two_digits(p, n);
	p[0] = n < 10 ? p[1] : p[0];
	return p + 1 + (n >= 10);
}

/* What most addresses are. */
static void put_ipv4(const struct addr *addr, bool without_port, struct format_out *out)
{
	char text[24], *p = text;
	p = put_octet(p, addr->ip[0]);
	*p++ = '.';
	p = put_octet(p, addr->ip[1]);
	*p++ = '.';
	p = put_octet(p, addr->ip[2]);
	*p++ = '.';
	p = put_octet(p, addr->ip[3]);
	if (!without_port)
		*p++ = ':';
	format_out(out, text, (size_t)(p - text));
	if (!without_port)
		format_out_number(out, addr->port);
}

static void put_address(const struct addr *addr, bool without_port, struct format_out *out)
{
	char text[ADDR_TEXT_MAX];
	if (addr->family == ADDR_IPV4) {
		put_ipv4(addr, without_port, out);
		return;
	}
	size_t len = without_port && addr->family != ADDR_UNIX ? addr_format_ip(addr, text)
							       : addr_format(addr, text);
	format_out(out, text, len);
}

bool format_render_address(const struct format_op *op, const struct stream_info *info,
			   struct format_out *out)
{
	const struct addr *addr = address(op, info);
	if (addr)
		put_address(addr, op->option == FORMAT_HOST_WITHOUT_PORT, out);
	return addr;
}

bool format_render_port(const struct format_op *op, const struct stream_info *info,
			struct format_out *out)
{
	const struct addr *addr = address(op, info);
	if (!addr || addr->family == ADDR_UNIX)
		return false;
	format_out_number(out, addr->port);
	return true;
}

/* The endpoint's hostname, else its address. */
bool format_render_host_name(const struct format_op *op, const struct stream_info *info,
			     struct format_out *out)
{
	struct slice name = info->upstream_host_name;
	if (!name.len)
		return format_render_address(op, info, out);
	if (op->option == FORMAT_HOST_WITHOUT_PORT)
		name.len = slice_find_char(name, ':', 0);
	format_out_slice(out, name);
	return true;
}

/* --- headers --- */

static struct slice header_of(const struct headers *headers, struct slice name, uint16_t id)
{
	if (!headers || !name.len)
		return (struct slice){NULL, 0};
	if (id != HEADER_OTHER)
		return headers_get(headers, (enum header_id)id);
	const struct header *h = headers_find(headers, name);
	return h ? header_value(h) : (struct slice){NULL, 0};
}

/* What calls carry may be any text: it leaves as ASCII. (Control characters never get this far.) */
static bool put_ascii(const struct format_op *op, struct slice value, struct format_out *out)
{
	size_t room = op->max_len, done = 0;

	for (size_t i = 0; i < value.len; i++) {
		uint8_t c = (uint8_t)value.data[i];
		size_t size = c < 0x80 ? 1 : 3;
		if (size > room) {
			value.len = i;
			break;
		}
		room -= size;
		if (c < 0x80)
			continue;
		char escape[] = {'%', "0123456789ABCDEF"[c >> 4], "0123456789ABCDEF"[c & 15]};
		format_out(out, value.data + done, i - done);
		format_out(out, escape, sizeof escape);
		done = i + 1;
	}
	format_out(out, value.data + done, value.len - done);
	return true;
}

bool format_render_header(const struct format_op *op, const struct stream_info *info,
			  struct format_out *out)
{
	const struct headers *const *headers = field(info, op->offset);
	struct slice value = header_of(*headers, op->text, op->header);
	if (!value.data && op->other.len)
		value = header_of(*headers, op->other, op->other_header);
	if (!value.data)
		return false;
	if (op->option) /* without the query */
		value.len = slice_find_char(value, '?', 0);
	return (*headers)->rpc && !out->is_raw ? put_ascii(op, value, out)
					       : put_cut(op, value, out);
}

/* The usual one: a well-known name, alone. */
bool format_render_known_header(const struct format_op *op, const struct stream_info *info,
				struct format_out *out)
{
	const struct headers *const *headers = field(info, op->offset);
	if (!*headers || !headers_has(*headers, (enum header_id)op->header))
		return false;
	if (UNLIKELY((*headers)->rpc != NULL))
		return format_render_header(op, info, out);
	const struct header *h = &(*headers)->items[(*headers)->first[op->header]];
	format_out(out, h->value, h->value_len < op->max_len ? h->value_len : op->max_len);
	return true;
}

bool format_render_header_bytes(const struct format_op *op, const struct stream_info *info,
				struct format_out *out)
{
	const struct headers *const *headers = field(info, op->offset);
	format_out_number(out, *headers ? headers_byte_size(*headers) : 0);
	return true;
}

static struct slice request_header(const struct stream_info *info, enum header_id id)
{
	return info->request ? headers_get(info->request, id) : (struct slice){NULL, 0};
}

/* What follows the first '?' of the path; .data NULL without one. */
static struct slice query_of(const struct stream_info *info)
{
	struct slice path = request_header(info, HEADER_PATH);
	size_t mark = slice_find_char(path, '?', 0);
	if (mark == path.len)
		return (struct slice){NULL, 0};
	size_t end = slice_find_char(path, '#', mark);
	return slice_sub(path, mark + 1, end);
}

bool format_render_query(const struct format_op *op, const struct stream_info *info,
			 struct format_out *out)
{
	struct slice query = query_of(info);
	return query.data && put_cut(op, query, out);
}

/* Writes at most op->max_len decoded bytes. What would be a control character stays encoded. */
static void put_decoded(const struct format_op *op, struct slice s, struct format_out *out)
{
	for (size_t i = 0, written = 0; i < s.len && written < op->max_len; i++, written++) {
		char c = s.data[i];
		if (percent_is_escape(s, i)) {
			uint8_t byte = percent_escaped_byte(s, i);
			if (byte >= ' ' && byte != 0x7f) {
				c = (char)byte;
				i += 2;
			}
		}
		format_out(out, &c, 1);
	}
}

bool format_render_query_param(const struct format_op *op, const struct stream_info *info,
			       struct format_out *out)
{
	struct slice query = query_of(info);
	for (size_t from = 0; from < query.len;) {
		size_t end = slice_find_char(query, '&', from);
		struct slice pair = slice_sub(query, from, end);
		size_t equals = slice_find_char(pair, '=', 0);
		if (slice_equal(slice_sub(pair, 0, equals), op->text)) {
			put_decoded(op, slice_sub(pair, equals + (equals < pair.len), pair.len),
				    out);
			return true;
		}
		from = end + 1;
	}
	return false;
}

bool format_render_path(const struct format_op *op, const struct stream_info *info,
			struct format_out *out)
{
	struct slice path = {NULL, 0};
	if (op->option & FORMAT_PATH_ORIGINAL)
		path = request_header(info, HEADER_X_ENVOY_ORIGINAL_PATH);
	if (!path.data && op->option & FORMAT_PATH_OWN)
		path = request_header(info, HEADER_PATH);
	if (op->option & FORMAT_PATH_WITHOUT_QUERY)
		path.len = slice_find_char(path, '?', 0);
	return path.data && put_cut(op, path, out);
}

bool format_render_server_name(const struct format_op *op, const struct stream_info *info,
			       struct format_out *out)
{
	struct slice sni = info->requested_server_name;
	struct slice host = request_header(info, HEADER_AUTHORITY);
	struct slice name = op->option == FORMAT_HOST_FIRST && host.len ? host : sni;
	if (!name.len && op->option == FORMAT_SNI_FIRST)
		name = host;
	return name.len && put_cut(op, name, out);
}

bool format_render_stream_id(const struct format_op *op, const struct stream_info *info,
			     struct format_out *out)
{
	struct slice id = request_header(info, HEADER_X_REQUEST_ID);
	return id.len && put_cut(op, id, out);
}

/* A UUID of version 4 made from what tells this exchange from all others. */
bool format_render_unique_id(const struct format_op *op, const struct stream_info *info,
			     struct format_out *out)
{
	static const char hex[] = "0123456789abcdef";
	const uint64_t seeds[] = {info->start_wall_ns,       info->times.start_ns,
				  info->connection_id,       info->stream_id,
				  (uint64_t)(uintptr_t)info, (uint64_t)(uintptr_t)op};
	struct slice bytes = slice_make(seeds, sizeof seeds);
	uint64_t halves[2] = {hash_seeded(bytes, 1), hash_seeded(bytes, 2)};
	char text[36];
	for (unsigned i = 0, nibble = 0; i < sizeof text; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			text[i] = '-';
			continue;
		}
		unsigned value = halves[nibble / 16] >> (nibble % 16 * 4) & 15;
		text[i] = i == 14 ? '4' : hex[i == 19 ? 8 | (value & 3) : value];
		nibble++;
	}
	format_out(out, text, sizeof text);
	return true;
}

/* --- gRPC --- */

bool format_render_grpc_status(const struct format_op *op, const struct stream_info *info,
			       struct format_out *out)
{
	static const char *const camel[] = {"OK",
					    "Canceled",
					    "Unknown",
					    "InvalidArgument",
					    "DeadlineExceeded",
					    "NotFound",
					    "AlreadyExists",
					    "PermissionDenied",
					    "ResourceExhausted",
					    "FailedPrecondition",
					    "Aborted",
					    "OutOfRange",
					    "Unimplemented",
					    "Internal",
					    "Unavailable",
					    "DataLoss",
					    "Unauthenticated"};
	static const char *const snake[] = {"OK",
					    "CANCELLED",
					    "UNKNOWN",
					    "INVALID_ARGUMENT",
					    "DEADLINE_EXCEEDED",
					    "NOT_FOUND",
					    "ALREADY_EXISTS",
					    "PERMISSION_DENIED",
					    "RESOURCE_EXHAUSTED",
					    "FAILED_PRECONDITION",
					    "ABORTED",
					    "OUT_OF_RANGE",
					    "UNIMPLEMENTED",
					    "INTERNAL",
					    "UNAVAILABLE",
					    "DATA_LOSS",
					    "UNAUTHENTICATED"};
	uint64_t status;
	if (!grpc_is_content_type(request_header(info, HEADER_CONTENT_TYPE)))
		return false;
	struct slice text =
		header_of(info->response_trailers, SLICE("grpc-status"), HEADER_GRPC_STATUS);
	if (!text.data)
		text = header_of(info->response, SLICE("grpc-status"), HEADER_GRPC_STATUS);
	if (!text.data && !info->response_code)
		return false;
	if (!text.data)
		status = grpc_status_of_http(info->response_code);
	else if (!slice_to_uint64(text, &status))
		return false;
	if (op->option == FORMAT_GRPC_NUMBER || status >= COUNT_OF(camel))
		format_out_number(out, status);
	else
		format_out_slice(out, slice_of(op->option == FORMAT_GRPC_SNAKE ? snake[status]
									       : camel[status]));
	return true;
}
