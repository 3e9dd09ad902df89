/* Answers of a Nacos server: as HTTP, whole and in parts; as a list of changes; as a login. What is
 * whole in the end is so at no earlier byte. */
#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "filters/sentinel/nacos/nacos_text.h"

enum { BODY_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice all = slice_make((const char *)data, size);
	const struct nacos_name name = {SLICE("a"), SLICE("G"), SLICE("t")};
	struct nacos_answer answer = {.status = 0}, part = {.status = 0};
	uint64_t ttl_s;
	char *token;

	enum status status = nacos_answer_parse(all, true, BODY_MAX, &answer);
	invariant(status != STATUS_AGAIN && answer.body.len <= BODY_MAX);
	for (size_t len = 0; len < size && len < 256; len++) {
		enum status early =
			nacos_answer_parse(slice_sub(all, 0, len), false, BODY_MAX, &part);
		if (early && early != STATUS_AGAIN) /* wrong already, and it stays so */
			invariant(status);
	}
	struct slice body = status ? all : text_slice(&answer.body);
	if (nacos_has_changed(body, &name))
		(void)nacos_is_change_list(body);
	if (nacos_read_login(body, &token, &ttl_s))
		free(token);
	text_free(&answer.body);
	text_free(&part.body);
	return 0;
}
