#include "base/shared_section.h"

#include "base/attributes.h"
#include "base/diag.h"
#include "base/section_fields.h"
#include "base/shared.h"

#include <stdlib.h>

enum {
	STATE = 1,

	/* of a state */
	STATE_TYPE = 1,
	STATE_NAME = 2,
	STATE_CONFIG = 3, /* the hash */
	STATE_WORDS = 4,
};

static bool write_state(void *arg, struct slice type, struct slice name, uint64_t config_hash,
			const uint64_t *words, size_t count)
{
	struct section_writer *out = arg;
	size_t opened = field_open(out, STATE);

	field_put_text(out, STATE_TYPE, type);
	field_put_text(out, STATE_NAME, name);
	field_put_fixed(out, STATE_CONFIG, config_hash);
	size_t list = field_open(out, STATE_WORDS);
	for (size_t i = 0; i < count; i++)
		section_put_number(out, words[i]);
	field_close(out, list);
	field_close(out, opened);
	return true;
}

static void export_final(void *owner, struct section_writer *out)
{
	(void)owner;
	shared_save_all(write_state, out);
}

/* words: room for SHARED_WORDS_MAX. */
static bool read_state(const struct field *given, uint64_t *words, bool is_applied)
{
	struct section_reader in = field_reader(given), list;
	struct slice type = {0}, name = {0};
	uint64_t config_hash = 0;
	struct field field;
	size_t count = 0;

	section_reader_init(&list, (struct slice){0});
	while (field_next(&in, &field))
		switch (field.number) {
		case STATE_TYPE:
			type = field.bytes;
			break;
		case STATE_NAME:
			name = field.bytes;
			break;
		case STATE_CONFIG:
			config_hash = field.value;
			break;
		case STATE_WORDS:
			list = field_reader(&field);
			break;
		default:
			break;
		}
	while (section_has_more(&list) && count < SHARED_WORDS_MAX)
		words[count++] = section_get_number(&list);
	if (in.is_bad || !section_is_done(&list) || !type.len)
		return false;
	if (is_applied)
		shared_restore(type, name, config_hash, words, count);
	return true;
}

static bool read_states(struct slice bytes, uint64_t *words, bool is_applied)
{
	struct section_reader in;
	struct field field;

	section_reader_init(&in, bytes);
	while (field_next(&in, &field))
		if (field.number == STATE && !read_state(&field, words, is_applied))
			return false;
	return !in.is_bad;
}

static enum status import_final(void *owner, enum section_part part, uint32_t version,
				struct slice bytes, struct diag *diag)
{
	uint64_t *words = malloc(SHARED_WORDS_MAX * sizeof *words);

	(void)owner, (void)part, (void)version;
	invariant(words);
	bool is_good = read_states(bytes, words, false);
	if (is_good)
		(void)read_states(bytes, words, true);
	free(words);
	return is_good ? STATUS_OK : diag_set(diag, "no shared state");
}

static void predecessor_gone(void *owner)
{
	(void)owner;
	shared_restore_end();
}

const struct section_type shared_section = {
	.name = "shared",
	.version = 1,
	.oldest = 1,
	.export = {[SECTION_FINAL] = export_final},
	.import = import_final,
	.predecessor_gone = predecessor_gone,
};
