#include "stream/extension.h"

#include "base/attributes.h"

/* --- in place of a configuration that never came --- */

static enum filter_status answer(struct filter *f, struct headers *headers, bool end)
{
	(void)headers, (void)end;
	filter_reply(f, REPLY_NO_FILTER_CONFIG);
	return FILTER_REPLIED;
}

static const struct filter_type missing_filter = {
	.name = "missing configuration",
	.request_headers = answer,
};

static const struct chain_entry missing_entry = {.type = &missing_filter};

/* --- */

bool discovered_filter_may_be(const struct discovered_filter *discovered,
			      const struct filter_type *type)
{
	for (unsigned i = 0; i < discovered->type_count; i++)
		if (discovered->types[i] == type)
			return true;
	return false;
}

const struct chain_entry *extension_entry(const struct chain_entry *entry,
					  const struct pin_table *pins, struct pin **pin)
{
	struct pin *found = pin_find(pins, PUBLISHED_EXTENSION, entry->discovered->slot);
	const struct extension *extension = found ? extension_of(found->object) : NULL;

	if (!extension || !discovered_filter_may_be(entry->discovered, extension->entry.type))
		return &missing_entry;
	*pin = pin_take(found);
	return &extension->entry;
}
