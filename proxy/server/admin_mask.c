#include "server/admin_mask.h"

#include <jansson.h>
#include <stdlib.h>

/* Copies what the path leads to. Lists are gone through; what an Any is stays to be seen. False:
 * nothing is there. */
static bool copy_path(const json_t *from, json_t *to, struct slice path)
{
	size_t dot = slice_find_char(path, '.', 0);
	char *name = strndup(path.data, dot);
	json_t *value = json_object_get(from, name), *inner = json_object_get(to, name);
	json_t *type = json_object_get(from, "@type");

	invariant(name);
	if (type)
		json_object_set(to, "@type", type);
	bool is_found = value;
	if (value && dot >= path.len) {
		json_object_set(to, name, value);
	} else if (value) {
		struct slice rest = slice_sub(path, dot + 1, path.len);
		bool is_list = json_is_array(value);
		if (!inner)
			json_object_set_new(to, name,
					    inner = is_list ? json_array() : json_object());
		for (size_t i = 0; is_list && i < json_array_size(value); i++) {
			if (json_array_size(inner) <= i)
				json_array_append_new(inner, json_object());
			copy_path(json_array_get(value, i), json_array_get(inner, i), rest);
		}
		if (!is_list)
			is_found = copy_path(value, inner, rest);
	}
	free(name);
	return is_found;
}

static json_t *mask_object(const json_t *object, struct slice mask, bool *is_found)
{
	json_t *masked = json_object(), *type = json_object_get(object, "@type");

	if (type)
		json_object_set(masked, "@type", type);
	while (mask.len) {
		size_t comma = slice_find_char(mask, ',', 0);
		*is_found |= copy_path(object, masked, slice_sub(mask, 0, comma));
		mask = slice_sub(mask, comma < mask.len ? comma + 1 : comma, mask.len);
	}
	return masked;
}

bool admin_mask(struct text *body, struct slice mask, bool keeps_all)
{
	json_t *whole = json_loadb(body->data, body->len, JSON_ALLOW_NUL, NULL);
	json_t *configs = json_object_get(whole, "configs"), *kept = json_array();
	bool is_any = !configs;

	if (!whole) { /* a name that isn't UTF-8 */
		json_decref(kept);
		return false;
	}
	for (size_t i = 0; i < json_array_size(configs); i++) {
		bool is_found = false;
		json_t *masked = mask_object(json_array_get(configs, i), mask, &is_found);
		if (is_found || keeps_all)
			json_array_append_new(kept, masked);
		else
			json_decref(masked);
		is_any |= is_found;
	}
	json_object_set_new(whole, "configs", kept);
	char *text = json_dumps(whole, JSON_INDENT(1));
	invariant(text);
	text_free(body);
	text_add(body, slice_of(text));
	text_add(body, SLICE("\n"));
	free(text);
	json_decref(whole);
	return is_any;
}
