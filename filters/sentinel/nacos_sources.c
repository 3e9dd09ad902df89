#include "filters/sentinel/nacos_sources.h"

#include <stdlib.h>

#include "base/attributes.h"
#include "base/log.h"
#include "filters/sentinel/application.h"
#include "filters/sentinel/nacos/nacos_snapshot.h"

/* A connection. */
struct sentinel_nacos {
	struct list_node link;
	struct sentinel_applications *all;
	struct list_node texts; /* struct sentinel_nacos_text: as long as there is one */
	struct slice key;       /* heap: the settings */
	struct nacos_options options;
	char *memory;                /* heap: the options' texts */
	struct nacos_client *client; /* NULL: nothing is served, or no more */
};

/* --- a connection --- */

/* Equal settings have equal ones. */
static struct slice key_of(const struct nacos_options *options)
{
	const struct slice texts[] = {options->servers,    options->context_path,
				      options->name_space, options->username,
				      options->password,   options->snapshot_folder};
	struct text key = {0};

	text_printf(&key, "%u", options->long_poll_ms);
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		text_printf(&key, " %zu:", texts[i].len);
		text_add(&key, texts[i]);
	}
	return text_slice(&key);
}

static struct sentinel_nacos *find(const struct sentinel_applications *all, struct slice key)
{
	for (struct list_node *n = all->nacos.next; n != &all->nacos; n = n->next) {
		struct sentinel_nacos *nacos = container_of(n, struct sentinel_nacos, link);
		if (slice_equal(nacos->key, key))
			return nacos;
	}
	return NULL;
}

static struct slice keep(char **at, struct slice text)
{
	char *copy = *at;

	if (text.len)
		memcpy(copy, text.data, text.len);
	*at += text.len;
	return slice_make(copy, text.len);
}

/* Takes the key. */
static struct sentinel_nacos *connection_new(struct sentinel_applications *all,
					     const struct nacos_options *options, struct slice key)
{
	struct sentinel_nacos *nacos = calloc(1, sizeof *nacos);

	invariant(nacos);
	nacos->all = all;
	nacos->key = key;
	nacos->options = *options;
	char *at = nacos->memory = malloc(options->servers.len + options->snapshot_folder.len + 1);
	invariant(at);
	nacos->options.servers = keep(&at, options->servers);
	nacos->options.snapshot_folder = keep(&at, options->snapshot_folder);
	list_init(&nacos->texts);
	list_push_back(&all->nacos, &nacos->link);
	if (all->is_serving && all->loop)
		nacos->client = nacos_client_start(all->loop, options);
	return nacos;
}

static struct sentinel_nacos *connection_for(struct sentinel_applications *all,
					     const struct nacos_options *options)
{
	struct slice key = key_of(options);
	struct sentinel_nacos *nacos = find(all, key);

	if (!nacos)
		return connection_new(all, options, key);
	free((char *)(uintptr_t)key.data);
	return nacos;
}

static void connection_free(struct sentinel_nacos *nacos)
{
	list_remove(&nacos->link);
	nacos_client_stop(nacos->client);
	explicit_bzero((char *)(uintptr_t)nacos->key.data, nacos->key.len);
	free((char *)(uintptr_t)nacos->key.data);
	free(nacos->memory);
	free(nacos);
}

/* --- a text --- */

static struct slice group_of(const struct sentinel_nacos_text *text)
{
	return slice_sub(text->names, 0, text->group_len);
}

static struct slice data_id_of(const struct sentinel_nacos_text *text)
{
	return slice_sub(text->names, text->group_len, text->names.len);
}

static void await(struct sentinel_nacos_text *text, bool is_awaited)
{
	struct sentinel_applications *all = text->nacos->all;

	if (text->is_awaited == is_awaited || !all->services->await)
		return;
	text->is_awaited = is_awaited;
	text->await_end_ns = *all->wall_ns + NACOS_AWAIT_MS * UINT64_C(1000000);
	all->services->await(all->owner, is_awaited);
	if (!is_awaited)
		all->is_send_due = true;
}

static bool has_text(const struct sentinel_application *application,
		     const struct sentinel_nacos_text *text)
{
	for (struct list_node *n = application->parts.next; n != &application->parts; n = n->next) {
		const struct sentinel_part *part = container_of(n, struct sentinel_part, link);
		for (uint32_t i = 0; i < part->count; i++)
			if (part->sources[i].pushed == text)
				return true;
	}
	return false;
}

static void count_update(const struct sentinel_nacos_text *text)
{
	struct sentinel_applications *all = text->nacos->all;

	for (struct list_node *n = all->list.next; n != &all->list; n = n->next) {
		const struct sentinel_application *application =
			container_of(n, struct sentinel_application, link);
		if (has_text(application, text))
			stat_inc(stats_main_shard(all->stats), application->stats,
				 SENTINEL_STAT_NACOS_UPDATE);
	}
}

static void set(struct sentinel_nacos_text *text, struct slice heap)
{
	struct sentinel_applications *all = text->nacos->all;

	sentinel_text_set(&text->text, heap);
	count_update(text);
	sentinel_text_changed(all, &text->text);
}

static void changed(void *arg, enum nacos_news news, struct slice said)
{
	struct sentinel_nacos_text *text = arg;
	struct sentinel_applications *all = text->nacos->all;
	char *copy;

	switch (news) {
	case NACOS_TEXT:
		copy = malloc(said.len + 1);
		invariant(copy);
		if (said.len)
			memcpy(copy, said.data, said.len);
		set(text, slice_make(copy, said.len));
		break;
	case NACOS_NONE:
		log_info(SENTINEL, "there are no rules %s", text->name);
		if (text->text.now.data)
			set(text, (struct slice){0});
		break;
	case NACOS_SAME:
		break;
	case NACOS_UNKNOWN:
		log_warn(SENTINEL, "rules %s can't be asked for: %s", text->name,
			 text->text.now.data ? "those of their snapshot hold"
					     : "there is no snapshot, so there are none");
		break;
	}
	if (!text->is_awaited)
		return;
	await(text, false);
	all->is_send_due = false;
	all->services->send(all->owner);
}

static struct sentinel_nacos_text *find_text(const struct sentinel_nacos *nacos,
					     const struct sentinel_nacos_ask *ask)
{
	for (struct list_node *n = nacos->texts.next; n != &nacos->texts; n = n->next) {
		struct sentinel_nacos_text *text =
			container_of(n, struct sentinel_nacos_text, link);
		if (slice_equal(group_of(text), ask->group) &&
		    slice_equal(data_id_of(text), ask->data_id))
			return text;
	}
	return NULL;
}

static void read_snapshot(struct sentinel_nacos_text *text)
{
	const struct nacos_options *options = &text->nacos->options;
	const struct nacos_name name = {data_id_of(text), group_of(text), options->name_space};
	struct slice heap;
	char *path;

	if (!options->snapshot_folder.len)
		return;
	path = nacos_snapshot_path(options->snapshot_folder, options->servers, &name);
	if (nacos_snapshot_read(path, NACOS_TEXT_MAX, &heap))
		sentinel_text_set(&text->text, heap);
	free(path);
}

static void begin(struct sentinel_nacos_text *text)
{
	struct sentinel_nacos *nacos = text->nacos;
	char md5[MD5_HEX_SIZE] = "";

	if (!nacos->client)
		return;
	read_snapshot(text);
	if (text->text.now.data)
		md5_hex(text->text.now, md5);
	else
		await(text, true);
	text->watch = nacos_watch(nacos->client, data_id_of(text), group_of(text), slice_of(md5),
				  changed, text);
}

static struct sentinel_nacos_text *text_new(struct sentinel_nacos *nacos,
					    const struct sentinel_nacos_ask *ask)
{
	struct sentinel_nacos_text *text = calloc(1, sizeof *text);
	struct text names = {0}, name = {0};

	invariant(text);
	text_add(&names, ask->group);
	text_add(&names, ask->data_id);
	text_printf(&name, "%.*s of %.*s, Nacos %.*s", SLICE_FMT(ask->data_id),
		    SLICE_FMT(ask->group), SLICE_FMT(nacos->options.servers));
	text_add(&name, slice_make("", 1));
	text->nacos = nacos;
	text->names = text_slice(&names);
	text->group_len = ask->group.len;
	text->text.name = text->name = name.data;
	list_push_back(&nacos->texts, &text->link);
	begin(text);
	return text;
}

struct sentinel_nacos_text *sentinel_nacos_take(struct sentinel_applications *all,
						const struct sentinel_nacos_ask *ask)
{
	struct sentinel_nacos *nacos = connection_for(all, ask->options);
	struct sentinel_nacos_text *text = find_text(nacos, ask);

	if (!text)
		text = text_new(nacos, ask);
	text->references++;
	return text;
}

static void end(struct sentinel_nacos_text *text)
{
	if (text->watch)
		nacos_unwatch(text->watch);
	text->watch = NULL;
	await(text, false);
}

void sentinel_nacos_drop(struct sentinel_nacos_text *text)
{
	struct sentinel_nacos *nacos = text->nacos;

	if (--text->references)
		return;
	end(text);
	list_remove(&text->link);
	sentinel_text_free(&text->text);
	free((char *)(uintptr_t)text->names.data);
	free(text->name);
	free(text);
	if (list_is_empty(&nacos->texts))
		connection_free(nacos);
}

bool sentinel_nacos_is_connected(const struct sentinel_nacos_text *text)
{
	const struct nacos_client *client = text->nacos->client;

	return client && atomic_load(&nacos_client_counts(client)->is_connected);
}

/* --- all of them --- */

bool sentinel_nacos_tick(struct sentinel_applications *all)
{
	bool is_over = false;

	for (struct list_node *n = all->nacos.next; n != &all->nacos; n = n->next) {
		struct sentinel_nacos *nacos = container_of(n, struct sentinel_nacos, link);
		for (struct list_node *t = nacos->texts.next; t != &nacos->texts; t = t->next) {
			struct sentinel_nacos_text *text =
				container_of(t, struct sentinel_nacos_text, link);
			if (!text->is_awaited || *all->wall_ns < text->await_end_ns)
				continue;
			log_warn(SENTINEL, "rules %s haven't come within %d ms", text->name,
				 NACOS_AWAIT_MS);
			await(text, false);
			is_over = true;
		}
	}
	return is_over;
}

void sentinel_nacos_close(struct sentinel_applications *all)
{
	for (struct list_node *n = all->nacos.next; n != &all->nacos; n = n->next) {
		struct sentinel_nacos *nacos = container_of(n, struct sentinel_nacos, link);
		for (struct list_node *t = nacos->texts.next; t != &nacos->texts; t = t->next)
			end(container_of(t, struct sentinel_nacos_text, link));
		nacos_client_stop(nacos->client);
		nacos->client = NULL;
	}
}
