#include "codec/bolt_head.h"

#include "codec/bolt_fields.h"
#include "codec/hessian2_string.h"

/* The value of a name that a map is looked through for; the last one counts, as in Java. */
static inline bool is_name(struct slice name, const char *wanted, size_t len)
{
	return name.len == len && !memcmp(name.data, wanted, len);
}

#define IS_NAME(name, wanted) is_name(name, wanted, sizeof(wanted) - 1)

bool bolt_name_leads(struct slice name)
{
	return IS_NAME(name, "sofa_head_target_service") ||
	       IS_NAME(name, "sofa_head_method_name") || IS_NAME(name, "service");
}

enum status bolt_names_read(struct slice payload, const struct bolt_frame *frame,
			    struct bolt_names *names)
{
	struct slice map = bolt_header_map(payload, frame), class = bolt_class_name(payload, frame);
	struct slice service = {NULL, 0};
	struct rpc_attachment field;

	*names = (struct bolt_names){{NULL, 0}, {NULL, 0}};
	if (UNLIKELY(frame->class_len > BOLT_SECTION_LIMIT ||
		     frame->headers_len > BOLT_SECTION_LIMIT))
		return STATUS_TOO_LARGE;
	while (map.len) {
		if (UNLIKELY(bolt_fields_take(&map, &field))) {
			if (slice_equal(class, BOLT_SOFA_REQUEST))
				return STATUS_MALFORMED;
			*names = (struct bolt_names){{NULL, 0}, {NULL, 0}};
			service = names->target;
			break;
		}
		if (IS_NAME(field.name, "sofa_head_target_service"))
			names->target = field.value;
		else if (IS_NAME(field.name, "sofa_head_method_name"))
			names->method = field.value;
		else if (IS_NAME(field.name, "service"))
			service = field.value;
	}
	if (LIKELY(names->target.len))
		return STATUS_OK;
	names->target = service;
	if (!service.len) {
		names->target = class;
		names->method = SLICE("");
	}
	return names->target.len ? STATUS_OK : STATUS_MALFORMED;
}

static bool is_plain(struct slice s)
{
	return !s.len || hessian2_is_printable_ascii((const uint8_t *)s.data, s.len);
}

enum status bolt_names_split(const struct bolt_names *names, struct rpc_head *head,
			     struct slice *group)
{
	struct slice target = names->target;
	size_t service_end = slice_find_char(target, ':', 0);
	size_t version_at = service_end < target.len ? service_end + 1 : target.len;
	size_t version_end = slice_find_char(target, ':', version_at);

	if (!service_end || !is_plain(target) || !is_plain(names->method) ||
	    slice_find_char(names->method, '/', 0) < names->method.len)
		return STATUS_MALFORMED;
	head->service = slice_sub(target, 0, service_end);
	head->service_version = slice_sub(target, version_at, version_end);
	head->method = names->method.data ? names->method : SLICE("");
	*group = slice_sub(target, version_end < target.len ? version_end + 1 : version_end,
			   target.len);
	return STATUS_OK;
}

enum rpc_result bolt_result_read(struct slice map)
{
	enum rpc_result result = RPC_RESULT_VALUE;
	struct rpc_attachment field;

	while (map.len && !bolt_fields_take(&map, &field))
		if (IS_NAME(field.name, "sofa_head_response_error"))
			result = slice_equal(field.value, SLICE("true")) ? RPC_RESULT_EXCEPTION
									 : RPC_RESULT_VALUE;
	return result;
}
