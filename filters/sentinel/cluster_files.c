#include "filters/sentinel/cluster_files.h"

#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "base/log.h"
#include "filters/sentinel/application.h"
#include "message/text_file.h"

struct cluster_file {
	struct list_node link;
	struct cluster_files *files;
	char *path;        /* heap */
	struct slice name; /* heap */
	enum token_kind kind;
	void *watch; /* NULL: it can't be watched */
};

void cluster_files_init(struct cluster_files *files)
{
	list_init(&files->list);
}

static struct token_rules *read_rules(const struct cluster_file *file)
{
	struct diag diag = {.line = 0};
	struct token_rules *rules = NULL;
	struct slice text;

	if (text_file_read(file->path, CLUSTER_RULES_BYTES_MAX, &text, &diag)) {
		log_warn(SENTINEL, "token server: rules of %s stay as they are: %s", file->path,
			 diag.text);
		return NULL;
	}
	enum status status = token_rules_parse(file->kind, text, file->files->seed, &rules);
	free((char *)(uintptr_t)text.data);
	if (!status)
		return rules;
	log_warn(SENTINEL, "token server: rules of %s are refused: %s", file->path,
		 status == STATUS_MALFORMED ? "no JSON"
		 : status == STATUS_INVALID ? "no JSON array"
					    : "too many");
	return NULL;
}

static void file_changed(void *data)
{
	const struct cluster_file *file = data;
	struct token_rules *rules = read_rules(file);

	if (rules)
		file->files->changed(file->files->arg, file->name, rules);
}

struct token_rules *cluster_files_add(struct cluster_files *files,
				      const struct cluster_file_ask *ask)
{
	struct cluster_file *file = calloc(1, sizeof *file);

	invariant(file);
	file->files = files;
	file->kind = ask->kind;
	file->path = strdup(ask->path);
	file->name = slice_make(strndup(ask->name.data, ask->name.len), ask->name.len);
	invariant(file->path && file->name.data);
	list_push_back(&files->list, &file->link);
	file->watch = files->services->watch(files->services_owner, file->path, file_changed, file);
	return read_rules(file);
}

void cluster_files_clear(struct cluster_files *files)
{
	while (!list_is_empty(&files->list)) {
		struct cluster_file *file =
			container_of(files->list.next, struct cluster_file, link);
		list_remove(&file->link);
		if (file->watch)
			files->services->unwatch(files->services_owner, file->watch);
		free((char *)(uintptr_t)file->name.data);
		free(file->path);
		free(file);
	}
}
