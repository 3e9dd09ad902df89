/* The catalogue of operators: name, how its argument is read, what renders it. */
#include <stdlib.h>
#include <unistd.h>

#include "message/format_op.h"
#include "message/format_time.h"
#include "message/stream_info.h"

enum argument {
	NO_ARGUMENT, /* and no length */
	ANY_ARGUMENT,
	NEEDS_ARGUMENT, /* ignored, for what has no value here */
	HEADER,
	TIME,
	GRPC,
	GRPC_AS_NUMBER,
	DURATION,
	CALL_TIME,
	PATH,
	QUERY_PARAM,
	QUERY_PARAMS,
	SERVER_NAME,
	DETAILS,
	ENVIRONMENT,
	HOST_NAME, /* of this machine */
	FILTER_STATE,
	METADATA,
	STREAM_METADATA,
};

struct entry {
	struct slice name;
	format_render *render;
	enum argument argument;
	uint8_t option;
	bool is_number;
	uint16_t offset, other_offset;
};

#define AT(field) offsetof(struct stream_info, field)
#define TEXT(text, function, ...)                                                                  \
	{                                                                                          \
		.name = {text, sizeof text - 1}, .render = function, __VA_ARGS__                   \
	}
#define U64(name, field) TEXT(name, format_render_u64, .is_number = true, .offset = AT(field))
#define FIELD(name, field) TEXT(name, format_render_slice, .offset = AT(field))
#define BETWEEN(name, from, to)                                                                    \
	TEXT(name, format_render_duration, .is_number = true, .offset = AT(times.from),            \
	     .other_offset = AT(times.to))
#define ADDRESS(prefix, field)                                                                     \
	TEXT(prefix "_ADDRESS", format_render_address, .option = FORMAT_HOST,                      \
	     .offset = AT(field)),                                                                 \
		TEXT(prefix "_ADDRESS_WITHOUT_PORT", format_render_address,                        \
		     .option = FORMAT_HOST_WITHOUT_PORT, .offset = AT(field)),                     \
		TEXT(prefix "_PORT", format_render_port, .is_number = true, .offset = AT(field))
#define HEADERS(name, field)                                                                       \
	TEXT(name, format_render_header, .argument = HEADER, .offset = AT(field))
#define HEADER_BYTES(name, field)                                                                  \
	TEXT(name, format_render_header_bytes, .is_number = true, .offset = AT(field))
#define NOTHING(name) TEXT(name, format_render_none)
/* Facts of one side's TLS and certificates, which stream_info does not hold. */
#define CERTIFICATE_OF(who)                                                                        \
	NOTHING(who "_IP_SAN"), NOTHING(who "_DNS_SAN"), NOTHING(who "_URI_SAN"),                  \
		NOTHING(who "_EMAIL_SAN"), NOTHING(who "_OTHERNAME_SAN"), NOTHING(who "_SUBJECT")
#define PEER_OF(who)                                                                               \
	NOTHING(who "_ISSUER"), NOTHING(who "_SERIAL"), NOTHING(who "_FINGERPRINT_256"),           \
		NOTHING(who "_FINGERPRINT_1"), NOTHING(who "_CHAIN_FINGERPRINTS_256"),             \
		NOTHING(who "_CHAIN_FINGERPRINTS_1"), NOTHING(who "_CHAIN_SERIALS"),               \
		NOTHING(who "_CERT"),                                                              \
		TEXT(who "_CERT_V_START", format_render_none, .argument = ANY_ARGUMENT),           \
		TEXT(who "_CERT_V_END", format_render_none, .argument = ANY_ARGUMENT)

static const struct entry catalogue[] = {
	TEXT("START_TIME", format_render_time, .argument = TIME, .option = FORMAT_TIME_START),
	TEXT("START_TIME_LOCAL", format_render_time, .argument = TIME, .option = FORMAT_TIME_START),
	TEXT("EMIT_TIME", format_render_time, .argument = TIME, .option = FORMAT_TIME_EMIT),
	TEXT("EMIT_TIME_LOCAL", format_render_time, .argument = TIME, .option = FORMAT_TIME_EMIT),
	HEADERS("REQ", request),
	HEADERS("REQUEST_HEADER", request),
	HEADERS("RESP", response),
	HEADERS("RESPONSE_HEADER", response),
	HEADERS("TRAILER", response_trailers),
	HEADERS("RESPONSE_TRAILER", response_trailers),
	TEXT("REQ_WITHOUT_QUERY", format_render_header, .argument = HEADER, .option = true,
	     .offset = AT(request)),
	HEADER_BYTES("REQUEST_HEADERS_BYTES", request),
	HEADER_BYTES("RESPONSE_HEADERS_BYTES", response),
	HEADER_BYTES("RESPONSE_TRAILERS_BYTES", response_trailers),
	U64("BYTES_RECEIVED", request_body_bytes),
	U64("BYTES_SENT", response_body_bytes),
	TEXT("BYTES_RETRANSMITTED", format_render_zero, .is_number = true),
	TEXT("PACKETS_RETRANSMITTED", format_render_zero, .is_number = true),
	U64("UPSTREAM_WIRE_BYTES_SENT", upstream_wire_sent),
	U64("UPSTREAM_WIRE_BYTES_RECEIVED", upstream_wire_received),
	U64("UPSTREAM_HEADER_BYTES_SENT", upstream_header_sent),
	U64("UPSTREAM_HEADER_BYTES_RECEIVED", upstream_header_received),
	U64("UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT", upstream_header_sent),
	U64("UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED", upstream_header_received),
	U64("DOWNSTREAM_WIRE_BYTES_SENT", downstream_wire_sent),
	U64("DOWNSTREAM_WIRE_BYTES_RECEIVED", downstream_wire_received),
	U64("DOWNSTREAM_HEADER_BYTES_SENT", response_header_bytes),
	U64("DOWNSTREAM_HEADER_BYTES_RECEIVED", request_header_bytes),
	U64("DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT", response_header_bytes),
	U64("DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED", request_header_bytes),
	TEXT("PROTOCOL", format_render_protocol, .offset = AT(protocol)),
	TEXT("UPSTREAM_PROTOCOL", format_render_protocol, .offset = AT(upstream_protocol)),
	TEXT("RESPONSE_CODE", format_render_u16, .is_number = true, .offset = AT(response_code)),
	TEXT("RESPONSE_CODE_DETAILS", format_render_details, .argument = DETAILS),
	FIELD("CONNECTION_TERMINATION_DETAILS", connection_termination_details),
	TEXT("UPSTREAM_REQUEST_ATTEMPT_COUNT", format_render_u8, .is_number = true,
	     .offset = AT(attempt_count)),
	TEXT("RESPONSE_FLAGS", format_render_flags),
	TEXT("RESPONSE_FLAGS_LONG", format_render_flags, .option = 1),
	FIELD("ROUTE_NAME", route_name),
	FIELD("VIRTUAL_CLUSTER_NAME", virtual_cluster_name),
	FIELD("UPSTREAM_CLUSTER", cluster_name),
	FIELD("UPSTREAM_CLUSTER_RAW", cluster_name),
	FIELD("FILTER_CHAIN_NAME", filter_chain_name),
	FIELD("UPSTREAM_TRANSPORT_FAILURE_REASON", upstream_failure_reason),
	TEXT("LOCAL_REPLY_BODY", format_render_plain_slice, .offset = AT(local_reply_body)),
	TEXT("REQUESTED_SERVER_NAME", format_render_server_name, .argument = SERVER_NAME),
	TEXT("ACCESS_LOG_TYPE", format_render_log_type),
	TEXT("UPSTREAM_HOST", format_render_address, .offset = AT(upstream_remote)),
	TEXT("UPSTREAM_HOST_NAME", format_render_host_name, .option = FORMAT_HOST,
	     .offset = AT(upstream_remote)),
	TEXT("UPSTREAM_HOST_NAME_WITHOUT_PORT", format_render_host_name,
	     .option = FORMAT_HOST_WITHOUT_PORT, .offset = AT(upstream_remote)),
	ADDRESS("UPSTREAM_REMOTE", upstream_remote),
	ADDRESS("UPSTREAM_LOCAL", upstream_local),
	ADDRESS("DOWNSTREAM_REMOTE", downstream_remote),
	ADDRESS("DOWNSTREAM_LOCAL", downstream_local),
	ADDRESS("DOWNSTREAM_DIRECT_REMOTE", downstream_direct_remote),
	ADDRESS("DOWNSTREAM_DIRECT_LOCAL", downstream_local),
	U64("CONNECTION_ID", connection_id),
	U64("UPSTREAM_CONNECTION_ID", upstream_connection_id),
	TEXT("STREAM_ID", format_render_stream_id),
	BETWEEN("DURATION", start_ns, end_ns),
	BETWEEN("REQUEST_DURATION", start_ns, request_end_ns),
	BETWEEN("REQUEST_TX_DURATION", start_ns, upstream_end_ns),
	BETWEEN("RESPONSE_DURATION", start_ns, response_start_ns),
	BETWEEN("RESPONSE_TX_DURATION", response_start_ns, last_tx_ns),
	BETWEEN("UPSTREAM_CONNECTION_POOL_READY_DURATION", start_ns, pool_ready_ns),
	TEXT("COMMON_DURATION", format_render_duration, .argument = DURATION, .is_number = true),
	TEXT("CALL_TIME", format_render_call_time, .argument = CALL_TIME, .is_number = true),
	TEXT("GRPC_STATUS", format_render_grpc_status, .argument = GRPC),
	TEXT("GRPC_STATUS_NUMBER", format_render_grpc_status, .argument = GRPC_AS_NUMBER),
	TEXT("HOSTNAME", format_render_constant, .argument = HOST_NAME),
	TEXT("ENVIRONMENT", format_render_constant, .argument = ENVIRONMENT),
	TEXT("QUERY_PARAM", format_render_query_param, .argument = QUERY_PARAM),
	TEXT("QUERY_PARAMS", format_render_query, .argument = QUERY_PARAMS),
	TEXT("PATH", format_render_path, .argument = PATH),
	TEXT("UNIQUE_ID", format_render_unique_id),
	TEXT("DYNAMIC_METADATA", format_render_metadata, .argument = STREAM_METADATA),
	TEXT("METADATA", format_render_none, .argument = METADATA),
	/* Without a value in this proxy. */
	TEXT("CUSTOM_FLAGS", format_render_constant),
	TEXT("CLUSTER_METADATA", format_render_none, .argument = NEEDS_ARGUMENT),
	TEXT("UPSTREAM_METADATA", format_render_none, .argument = NEEDS_ARGUMENT),
	TEXT("FILTER_STATE", format_render_none, .argument = FILTER_STATE),
	TEXT("UPSTREAM_FILTER_STATE", format_render_none, .argument = FILTER_STATE),
	NOTHING("TRACE_ID"),
	NOTHING("SPAN_ID"),
	NOTHING("ROUNDTRIP_DURATION"),
	NOTHING("DOWNSTREAM_HANDSHAKE_DURATION"),
	NOTHING("DOWNSTREAM_TRANSPORT_FAILURE_REASON"),
	NOTHING("DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID"),
	NOTHING("DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID"),
	NOTHING("DOWNSTREAM_REMOTE_ADDRESS_ENDPOINT_ID"),
	NOTHING("UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID"),
	NOTHING("UPSTREAM_LOCAL_ADDRESS_ENDPOINT_ID"),
	NOTHING("UPSTREAM_HOSTS_ATTEMPTED"),
	NOTHING("UPSTREAM_HOST_NAMES_ATTEMPTED"),
	NOTHING("UPSTREAM_CONNECTION_IDS_ATTEMPTED"),
	NOTHING("DOWNSTREAM_DETECTED_CLOSE_TYPE"),
	NOTHING("UPSTREAM_DETECTED_CLOSE_TYPE"),
	NOTHING("DOWNSTREAM_LOCAL_CLOSE_REASON"),
	NOTHING("UPSTREAM_LOCAL_CLOSE_REASON"),
	CERTIFICATE_OF("DOWNSTREAM_LOCAL"),
	CERTIFICATE_OF("DOWNSTREAM_PEER"),
	CERTIFICATE_OF("UPSTREAM_LOCAL"),
	CERTIFICATE_OF("UPSTREAM_PEER"),
	PEER_OF("DOWNSTREAM_PEER"),
	PEER_OF("UPSTREAM_PEER"),
	NOTHING("DOWNSTREAM_TLS_SESSION_ID"),
	NOTHING("DOWNSTREAM_TLS_CIPHER"),
	NOTHING("DOWNSTREAM_TLS_VERSION"),
	NOTHING("UPSTREAM_TLS_SESSION_ID"),
	NOTHING("UPSTREAM_TLS_CIPHER"),
	NOTHING("UPSTREAM_TLS_VERSION"),
	NOTHING("TLS_JA3_FINGERPRINT"),
	NOTHING("TLS_JA4_FINGERPRINT"),
};

/* --- arguments --- */

/* Takes what stands before the next ':' off *rest. */
static struct slice next_part(struct slice *rest)
{
	size_t colon = slice_find_char(*rest, ':', 0);
	struct slice part = slice_sub(*rest, 0, colon);
	*rest = slice_sub(*rest, colon + (colon < rest->len), rest->len);
	return part;
}

static bool is_header_char(char c)
{
	char lower = slice_lower_char(c);
	return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'*+-.^_`|~:", c));
}

static enum status compile_header_name(struct slice text, struct arena *arena, struct slice *name,
				       uint16_t *id, struct diag *diag)
{
	char *lower = arena_alloc(arena, text.len + 1);
	for (size_t i = 0; i < text.len; i++) {
		if (!is_header_char(text.data[i]))
			return diag_set(diag, "Invalid header configuration. Format string "
					      "contains invalid characters.");
		lower[i] = slice_lower_char(text.data[i]);
	}
	*name = slice_make(lower, text.len);
	*id = (uint16_t)known_name_find(*name);
	return STATUS_OK;
}

/* "main" or "main?other". */
static enum status compile_header(struct slice argument, struct arena *arena, struct format_op *op,
				  struct diag *diag)
{
	size_t mark = slice_find_char(argument, '?', 0);
	struct slice main_name = slice_sub(argument, 0, mark);
	struct slice other = slice_sub(argument, mark + (mark < argument.len), argument.len);
	if (slice_find_char(other, '?', 0) < other.len)
		return diag_set(diag, "More than 1 alternative header specified in token: %.*s",
				SLICE_FMT(argument));
	enum status status = compile_header_name(main_name, arena, &op->text, &op->header, diag);
	if (status)
		return status;
	if (op->header != HEADER_OTHER && !other.len && !op->option)
		op->render = format_render_known_header;
	return compile_header_name(other, arena, &op->other, &op->other_header, diag);
}

static const struct {
	struct slice name;
	uint16_t offset;
} moments[] = {
	{{"DS_RX_BEG", 9}, AT(times.start_ns)},
	{{"DS_RX_END", 9}, AT(times.request_end_ns)},
	{{"US_TX_BEG", 9}, AT(times.upstream_start_ns)},
	{{"US_TX_END", 9}, AT(times.upstream_end_ns)},
	{{"US_RX_BEG", 9}, AT(times.response_start_ns)},
	{{"US_RX_END", 9}, AT(times.response_end_ns)},
	{{"DS_TX_BEG", 9}, AT(times.first_tx_ns)},
	{{"DS_TX_END", 9}, AT(times.last_tx_ns)},
};

/* A moment that isn't known never happens: the operator has no value then. */
static bool find_moment(struct slice name, uint16_t *offset)
{
	for (unsigned i = 0; i < COUNT_OF(moments); i++) {
		if (slice_equal(name, moments[i].name)) {
			*offset = moments[i].offset;
			return true;
		}
	}
	return false;
}

/* "from:to:unit". */
static enum status compile_duration(struct slice argument, struct format_op *op, struct diag *diag)
{
	struct slice rest = argument;
	struct slice from = next_part(&rest), to = next_part(&rest);
	if (!to.len || slice_find_char(rest, ':', 0) < rest.len)
		return diag_set(diag, "Invalid common duration configuration: %.*s.",
				SLICE_FMT(argument));
	if (!rest.len || slice_equal(rest, SLICE("ms")))
		op->option = FORMAT_MS;
	else if (slice_equal(rest, SLICE("us")))
		op->option = FORMAT_US;
	else if (slice_equal(rest, SLICE("ns")))
		op->option = FORMAT_NS;
	else
		return diag_set(diag, "Invalid common duration precision: %.*s.", SLICE_FMT(rest));
	if (!find_moment(from, &op->offset) || !find_moment(to, &op->other_offset))
		op->render = format_render_none;
	return STATUS_OK;
}

/* "WQ|NQ:ORIG|PATH|ORIG_OR_PATH". */
static enum status compile_path(struct slice argument, struct format_op *op, struct diag *diag)
{
	struct slice rest = argument;
	struct slice query = next_part(&rest), which = next_part(&rest);
	op->option = 0;
	if (slice_equal(query, SLICE("NQ")))
		op->option |= FORMAT_PATH_WITHOUT_QUERY;
	else if (query.len && !slice_equal(query, SLICE("WQ")))
		return diag_set(diag, "Invalid PATH option: '%.*s', only 'WQ'/'NQ' are allowed",
				SLICE_FMT(query));
	if (slice_equal(which, SLICE("ORIG")))
		op->option |= FORMAT_PATH_ORIGINAL;
	else if (slice_equal(which, SLICE("PATH")))
		op->option |= FORMAT_PATH_OWN;
	else if (!which.len || slice_equal(which, SLICE("ORIG_OR_PATH")))
		op->option |= FORMAT_PATH_ORIGINAL | FORMAT_PATH_OWN;
	else
		return diag_set(diag,
				"Invalid PATH option: '%.*s', only "
				"'ORIG'/'PATH'/'ORIG_OR_PATH' are allowed",
				SLICE_FMT(which));
	return STATUS_OK;
}

static enum status compile_grpc(struct slice argument, struct format_op *op, struct diag *diag)
{
	if (!argument.len || slice_equal(argument, SLICE("CAMEL_STRING")))
		op->option = FORMAT_GRPC_CAMEL;
	else if (slice_equal(argument, SLICE("SNAKE_STRING")))
		op->option = FORMAT_GRPC_SNAKE;
	else if (slice_equal(argument, SLICE("NUMBER")))
		op->option = FORMAT_GRPC_NUMBER;
	else
		return diag_set(diag,
				"GrpcStatusFormatter only supports CAMEL_STRING, SNAKE_STRING or "
				"NUMBER. Got: %.*s",
				SLICE_FMT(argument));
	op->is_number = op->option == FORMAT_GRPC_NUMBER;
	return STATUS_OK;
}

/* "filters", "filters:ms": us unless it says otherwise. */
static enum status compile_call_time(struct slice argument, struct format_op *op, struct diag *diag)
{
	static const struct {
		struct slice name;
		uint16_t from, to;
	} times[] = {
#define CALL_TIME_ROW(text, from, to)                                                              \
	{{text, sizeof text - 1},                                                                  \
	 offsetof(struct call_times, from),                                                        \
	 offsetof(struct call_times, to)}
		CALL_TIME_ROW("read", begun_ns, read_ns),
		CALL_TIME_ROW("filters", read_ns, sent_ns),
		CALL_TIME_ROW("upstream", sent_ns, answered_ns),
		CALL_TIME_ROW("write", answered_ns, written_ns),
#undef CALL_TIME_ROW
	};
	struct slice rest = argument;
	struct slice which = next_part(&rest), unit = next_part(&rest);

	if (!unit.len || slice_equal(unit, SLICE("us")))
		op->option = FORMAT_US;
	else if (slice_equal(unit, SLICE("ms")))
		op->option = FORMAT_MS;
	else if (slice_equal(unit, SLICE("ns")))
		op->option = FORMAT_NS;
	else
		return diag_set(diag,
				"Invalid CALL_TIME unit: '%.*s', only 'ms'/'us'/'ns' are allowed",
				SLICE_FMT(unit));
	for (size_t i = 0; i < COUNT_OF(times); i++) {
		if (!slice_equal(which, times[i].name))
			continue;
		op->offset = times[i].from;
		op->other_offset = times[i].to;
		return STATUS_OK;
	}
	return diag_set(diag,
			"Invalid CALL_TIME: '%.*s', only 'read'/'filters'/'upstream'/'write' are "
			"allowed",
			SLICE_FMT(which));
}

static enum status compile_server_name(struct slice argument, struct format_op *op,
				       struct diag *diag)
{
	struct slice rest = argument;
	struct slice which = next_part(&rest);
	if (!which.len || slice_equal(which, SLICE("SNI_ONLY")))
		op->option = FORMAT_SNI_ONLY;
	else if (slice_equal(which, SLICE("SNI_FIRST")))
		op->option = FORMAT_SNI_FIRST;
	else if (slice_equal(which, SLICE("HOST_FIRST")))
		op->option = FORMAT_HOST_FIRST;
	else
		return diag_set(diag,
				"Invalid REQUESTED_SERVER_NAME option: '%.*s', only "
				"'SNI_ONLY'/'SNI_FIRST'/'HOST_FIRST' are allowed",
				SLICE_FMT(which));
	return STATUS_OK;
}

static void compile_environment(struct slice name, struct arena *arena, struct format_op *op)
{
	const char *value = getenv(arena_string(arena, name));
	if (value)
		op->text = arena_slice(arena, slice_of(value));
	else
		op->render = format_render_none;
}

static void compile_host_name(struct arena *arena, struct format_op *op)
{
	char name[256] = "";
	if (gethostname(name, sizeof name - 1) || !name[0])
		op->render = format_render_none;
	else
		op->text = arena_slice(arena, slice_of(name));
}

static enum status compile_filter_state(struct slice argument, struct diag *diag)
{
	struct slice rest = argument;
	struct slice key = next_part(&rest), type = next_part(&rest);
	if (!key.len)
		return diag_set(diag, "Invalid filter state configuration, key cannot be empty.");
	if (type.len && !slice_equal(type, SLICE("PLAIN")) && !slice_equal(type, SLICE("TYPED")) &&
	    !slice_equal(type, SLICE("FIELD")))
		return diag_set(diag, "Invalid filter state serialize type, only support "
				      "PLAIN/TYPED/FIELD.");
	if (slice_equal(type, SLICE("FIELD")) != (rest.len > 0))
		return diag_set(diag, "Invalid filter state serialize type, FIELD should be used "
				      "with the field name.");
	return STATUS_OK;
}

/* Only a stream's has a value here. */
static enum status compile_metadata(struct slice argument, struct arena *arena,
				    struct format_op *op, struct diag *diag)
{
	static const char *const kinds[] = {"CLUSTER",  "ROUTE",        "UPSTREAM_HOST",
					    "LISTENER", "VIRTUAL_HOST", "LISTENER_FILTER_CHAIN"};
	struct slice rest = argument;
	struct slice kind = next_part(&rest);
	if (slice_equal(kind, SLICE("DYNAMIC"))) {
		op->render = format_render_metadata;
		format_metadata_compile(rest, arena, op);
		return STATUS_OK;
	}
	for (unsigned i = 0; i < COUNT_OF(kinds); i++)
		if (slice_equal(kind, slice_of(kinds[i])))
			return STATUS_OK;
	return diag_set(diag, "%.*s is not supported type of metadata", SLICE_FMT(kind));
}

static enum status compile_argument(const struct entry *entry, struct slice argument,
				    struct arena *arena, struct format_op *op, struct diag *diag)
{
	switch (entry->argument) {
	case HEADER:
		return compile_header(argument, arena, op, diag);
	case TIME:
		return format_time_compile(argument, slice_ends_with(entry->name, SLICE("_LOCAL")),
					   arena, &op->time, diag);
	case GRPC:
		return compile_grpc(argument, op, diag);
	case GRPC_AS_NUMBER:
		return compile_grpc(SLICE("NUMBER"), op, diag);
	case DURATION:
		return compile_duration(argument, op, diag);
	case CALL_TIME:
		return compile_call_time(argument, op, diag);
	case PATH:
		return compile_path(argument, op, diag);
	case SERVER_NAME:
		return compile_server_name(argument, op, diag);
	case QUERY_PARAM:
		op->text = arena_slice(arena, argument);
		return STATUS_OK;
	case QUERY_PARAMS:
		if (argument.len && !slice_equal(argument, SLICE("ORIG")) &&
		    !slice_equal(argument, SLICE("DECODED")))
			return diag_set(diag,
					"Invalid QUERY_PARAMS option: '%.*s', only "
					"'ORIG'/'DECODED' are allowed",
					SLICE_FMT(argument));
		return STATUS_OK;
	case DETAILS:
		op->option = slice_equal(argument, SLICE("ALLOW_WHITESPACES"));
		return STATUS_OK;
	case ENVIRONMENT:
		compile_environment(argument, arena, op);
		return STATUS_OK;
	case HOST_NAME:
		compile_host_name(arena, op);
		return STATUS_OK;
	case FILTER_STATE:
		return compile_filter_state(argument, diag);
	case METADATA:
		return compile_metadata(argument, arena, op, diag);
	case STREAM_METADATA:
		format_metadata_compile(argument, arena, op);
		return STATUS_OK;
	case NO_ARGUMENT:
	case ANY_ARGUMENT:
	case NEEDS_ARGUMENT:
		return STATUS_OK;
	}
	return STATUS_OK;
}

static bool needs_argument(enum argument argument)
{
	return argument == HEADER || argument == NEEDS_ARGUMENT || argument == DURATION ||
	       argument == CALL_TIME || argument == QUERY_PARAM || argument == ENVIRONMENT ||
	       argument == METADATA || argument == STREAM_METADATA;
}

static enum status check_form(const struct entry *entry, struct slice argument, uint32_t max_len,
			      struct diag *diag)
{
	bool has_length = max_len != UINT32_MAX;
	if ((entry->argument == NO_ARGUMENT || entry->argument == HOST_NAME) &&
	    (argument.len || has_length))
		return diag_set(diag, "%.*s does not take any parameters or length",
				SLICE_FMT(entry->name));
	if (needs_argument(entry->argument) && !argument.len)
		return diag_set(diag, "%.*s requires parameters", SLICE_FMT(entry->name));
	if ((entry->argument == TIME || entry->argument == DETAILS) && has_length)
		return diag_set(diag, "%.*s does not allow length to be specified.",
				SLICE_FMT(entry->name));
	return STATUS_OK;
}

enum status format_op_compile(struct slice name, struct slice argument, uint32_t max_len,
			      struct arena *arena, struct format_op *op, struct diag *diag)
{
	const struct entry *entry = NULL;
	for (unsigned i = 0; i < COUNT_OF(catalogue) && !entry; i++)
		if (slice_equal(catalogue[i].name, name))
			entry = &catalogue[i];
	if (!entry)
		return diag_set(diag, "Not supported field in StreamInfo: %.*s", SLICE_FMT(name));
	enum status status = check_form(entry, argument, max_len, diag);
	if (status)
		return status;
	*op = (struct format_op){.render = entry->render,
				 .option = entry->option,
				 .offset = entry->offset,
				 .other_offset = entry->other_offset,
				 .is_number = entry->is_number,
				 .max_len = max_len};
	return compile_argument(entry, argument, arena, op, diag);
}
