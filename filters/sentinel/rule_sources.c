#include "filters/sentinel/rule_sources.h"

#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "base/log.h"
#include "filters/sentinel/application.h"
#include "message/text_file.h"

enum { FILE_BYTES_MAX = 64 << 20 };

/* --- texts --- */

struct slice sentinel_text_copy(struct slice text)
{
	char *copy = malloc(text.len + 1);

	invariant(copy);
	if (text.len)
		memcpy(copy, text.data, text.len);
	return slice_make(copy, text.len);
}

static void set_text(struct slice *to, struct slice heap)
{
	free((char *)(uintptr_t)to->data);
	*to = heap;
}

void sentinel_text_set(struct sentinel_text *text, struct slice heap)
{
	set_text(&text->now, heap);
	if (!heap.data)
		set_text(&text->taken, heap);
}

void sentinel_text_accept(struct sentinel_text *text)
{
	if (!slice_equal(text->now, text->taken))
		set_text(&text->taken, sentinel_text_copy(text->now));
}

void sentinel_text_free(struct sentinel_text *text)
{
	sentinel_text_set(text, (struct slice){0});
}

/* --- files --- */

static void read_file(struct sentinel_file *file)
{
	struct diag diag = {.line = 0};
	struct slice text;

	if (text_file_read(file->path, FILE_BYTES_MAX, &text, &diag)) {
		log_warn(SENTINEL, "rules of %s stay as they are: %s", file->path, diag.text);
		return;
	}
	sentinel_text_set(&file->text, text);
}

static void file_changed(void *data)
{
	struct sentinel_file *file = data;

	read_file(file);
	sentinel_text_changed(file->all, &file->text);
}

static struct sentinel_file *find_file(const struct sentinel_applications *all, const char *path)
{
	for (struct list_node *n = all->files.next; n != &all->files; n = n->next) {
		struct sentinel_file *file = container_of(n, struct sentinel_file, link);
		if (!strcmp(file->path, path))
			return file;
	}
	return NULL;
}

struct sentinel_file *sentinel_file_take(struct sentinel_applications *all, const char *path)
{
	struct sentinel_file *file = find_file(all, path);

	if (!file) {
		file = calloc(1, sizeof *file);
		invariant(file);
		file->all = all;
		file->path = strdup(path);
		invariant(file->path);
		file->text.name = file->path;
		list_push_back(&all->files, &file->link);
		file->watch = all->services->watch(all->owner, path, file_changed, file);
		read_file(file);
	}
	file->references++;
	return file;
}

void sentinel_file_drop(struct sentinel_file *file)
{
	if (--file->references)
		return;
	list_remove(&file->link);
	if (file->watch)
		file->all->services->unwatch(file->all->owner, file->watch);
	sentinel_text_free(&file->text);
	free(file->path);
	free(file);
}
