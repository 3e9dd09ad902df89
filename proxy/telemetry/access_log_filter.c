#include "telemetry/access_log_filter.h"

#include "message/grpc.h"
#include "message/headers.h"
#include "message/stream_info.h"
#include "telemetry/access_log_filter_private.h"

static bool compare(enum filter_comparison op, uint64_t a, uint64_t b)
{
	switch (op) {
	case FILTER_EQUAL:
		return a == b;
	case FILTER_AT_LEAST:
		return a >= b;
	case FILTER_AT_MOST:
		return a <= b;
	case FILTER_DIFFERENT:
		return a != b;
	}
	return false;
}

static uint64_t duration_ms(const struct stream_info *info)
{
	const struct stream_times *t = &info->times;
	return t->end_ns > t->start_ns ? (t->end_ns - t->start_ns) / 1000000 : 0;
}

/* What all logs of one request agree on: the first 32 bits of its id, when that is a UUID. */
static bool number_of_request_id(const struct stream_info *info, uint64_t *number)
{
	struct slice id = info->request ? headers_get(info->request, HEADER_X_REQUEST_ID)
					: (struct slice){NULL, 0};
	*number = 0;
	if (id.len != 36)
		return false;
	for (unsigned i = 0; i < 8; i++) {
		char c = slice_lower_char(id.data[i]);
		bool is_digit = c >= '0' && c <= '9';
		if (!is_digit && (c < 'a' || c > 'f'))
			return false;
		*number = *number * 16 + (unsigned)(is_digit ? c - '0' : c - 'a' + 10);
	}
	return true;
}

static bool is_sampled(const struct access_log_filter *f, const struct stream_info *info,
		       uint64_t random)
{
	uint64_t stable;
	if (!f->excludes && number_of_request_id(info, &stable))
		random = stable;
	return random % f->denominator < f->numerator;
}

/* The gRPC status an exchange ended with, or what its HTTP code stands for. */
static unsigned grpc_status(const struct stream_info *info)
{
	const struct headers *const places[] = {info->response_trailers, info->response};
	for (unsigned i = 0; i < 2; i++) {
		uint64_t status;
		if (places[i] && headers_has(places[i], HEADER_GRPC_STATUS) &&
		    slice_to_uint64(headers_get(places[i], HEADER_GRPC_STATUS), &status))
			return status < 63 ? (unsigned)status : 63;
	}
	return grpc_status_of_http(info->response_code);
}

static bool test_children(const struct access_log_filter *f, const struct stream_info *info,
			  uint64_t random, bool wanted)
{
	for (unsigned i = 0; i < f->child_count; i++)
		if (access_log_filter_test(f->children[i], info, random) == wanted)
			return wanted;
	return !wanted;
}

static bool test_metadata(const struct access_log_filter *f, const struct stream_info *info)
{
	const struct label *label = metadata_find(info->metadata, &f->metadata.path);
	bool gave_up = false;

	return label ? label_test(&f->metadata.test, label, &gave_up) : f->passes_without;
}

bool access_log_filter_test(const struct access_log_filter *f, const struct stream_info *info,
			    uint64_t random)
{
	if (!f)
		return true;
	switch (f->kind) {
	case FILTER_STATUS_CODE:
		return compare(f->comparison, info->response_code, f->value);
	case FILTER_DURATION:
		return compare(f->comparison, duration_ms(info), f->value);
	case FILTER_NOT_HEALTH_CHECK:
		return !info->is_health_check;
	case FILTER_NOTHING:
		return false;
	case FILTER_SAMPLED:
		return is_sampled(f, info, random);
	case FILTER_AND:
		return test_children(f, info, random, false);
	case FILTER_OR:
		return test_children(f, info, random, true);
	case FILTER_HEADER:
		return info->request && header_matches_test(&f->headers, info->request);
	case FILTER_RESPONSE_FLAG:
		return info->flags & f->mask;
	case FILTER_GRPC_STATUS:
		return (f->mask >> grpc_status(info) & 1) != f->excludes;
	case FILTER_LOG_TYPE:
		return (f->mask >> (info->log_type & 63) & 1) != f->excludes;
	case FILTER_METADATA:
		return test_metadata(f, info);
	}
	return false;
}
