#include "server/subscriptions.h"

#include <stdlib.h>
#include <unistd.h>

#include <envoy/config/core/v3/config_source.pb-c.h>

#include "base/hash.h"
#include "base/log.h"

typedef Envoy__Config__Core__V3__ConfigSource ConfigSource;

enum { LOG_TEXT_MAX = 1400 };

struct resource_file *resource_file_take(struct resource_file *file)
{
	file->references++;
	return file;
}

static void resource_file_free(void *object)
{
	struct resource_file *file = object;

	file_resources_free(&file->resources);
	free(file);
}

void resource_file_drop(struct resource_file *file)
{
	if (file && !--file->references)
		builder_bury(file->builder, resource_file_free, file);
}

/* --- counting --- */

static struct stats_shard *shard(const struct subscription *sub)
{
	return stats_main_shard(sub->owner->stats);
}

static uint64_t wall_ms(const struct subscription *sub)
{
	return sub->owner->loop->wall_ns / 1000000;
}

static void show_version(struct subscription *sub, struct slice version)
{
	free(sub->version_info);
	sub->version_info = strndup(version.data ? version.data : "", version.len);
	invariant(sub->version_info);
	stat_gauge_set(shard(sub), sub->scope, sub->type->version, hash_bytes(version));
	stat_text_set(sub->owner->stats, sub->more, sub->type->version_text,
		      slice_of(sub->version_info));
}

static void count_success(struct subscription *sub, const struct subscription_load *load,
			  bool is_changed, bool is_empty)
{
	const struct subscription_type *type = sub->type;

	stat_inc(shard(sub), sub->scope, type->success);
	stat_gauge_set(shard(sub), sub->more, type->time, wall_ms(sub));
	stat_record(shard(sub), sub->more, type->duration,
		    (sub->owner->loop->now_ns - load->start_ns) / 1000000);
	if (is_changed && type->counts_reloads) {
		stat_inc(shard(sub), sub->scope, type->reload);
		if (type->reload_time)
			stat_gauge_set(shard(sub), sub->scope, type->reload_time, wall_ms(sub));
	}
	if (is_empty && type->counts_empty)
		stat_inc(shard(sub), sub->scope, type->empty);
	show_version(sub, load->file->resources.version_info);
}

/* --- a load --- */

static void load_free(struct subscription_load *load)
{
	if (load->type->end && load->work)
		load->type->end(load->work);
	load->owner->due -= load->is_held;
	resource_file_drop(load->file);
	free(load->path);
	free(load);
}

static void report(void *context, const struct diag *diag, bool is_fault)
{
	const struct subscription_load *load = context;
	char text[LOG_TEXT_MAX];

	if (is_fault || !load->owner->hides_unknown)
		log_warn(CONFIG, "%s", diag_format(diag, text, sizeof text));
}

/* On the builder's thread. */
static void run(struct builder_job *job)
{
	struct subscription_load *load = container_of(job, struct subscription_load, job);
	const struct file_source_options options = {
		.refuse_unknown = load->owner->refuses_unknown,
		.report = report,
		.context = load,
	};
	struct resource_file *file = calloc(1, sizeof *file);

	invariant(file);
	file->references = 1;
	file->builder = &load->owner->builder;
	load->status = file_source_load(&file->resources, load->path, load->type->message, &options,
					&load->diag);
	if (load->status) {
		free(file);
		return;
	}
	load->file = file;
	if (load->type->prepare)
		load->status = load->type->prepare(load);
}

static char *copy(const char *text)
{
	char *made = text ? strdup(text) : NULL;
	invariant(made || !text);
	return made;
}

static void refuse(struct subscription *sub, const struct diag *diag, bool is_unreadable)
{
	char text[LOG_TEXT_MAX];

	stat_inc(shard(sub), is_unreadable ? sub->scope : sub->more,
		 is_unreadable ? sub->type->failure : sub->type->rejected);
	if (sub->type->counts_fails)
		stat_inc(shard(sub), sub->scope, sub->type->fail);
	diag_format(diag, text, sizeof text);
	log_warn(CONFIG, "%s of %s are refused: %s", sub->type->what, sub->path, text);
	free(sub->refusal);
	sub->refusal = copy(text);
	sub->refused_wall_ns = sub->owner->loop->wall_ns;
}

static void note_taken(struct subscription *sub, struct subscription_load *load)
{
	free(sub->refusal);
	sub->refusal = NULL;
	count_success(sub, load, load->is_changed, load->is_empty);
}

static void note_known(struct subscription *sub, bool is_good)
{
	if (sub->is_known)
		return;
	sub->is_known = true;
	sub->owner->due -= !sub->is_unawaited;
	if (sub->type->known)
		sub->type->known(sub, is_good);
}

static void take(struct subscription_load *load);

static void on_next_turn(struct message *message, void *receiver)
{
	struct builder_job *job = container_of(message, struct builder_job, message);

	(void)receiver;
	take(container_of(job, struct subscription_load, job));
}

/* `apply` goes on when main has looked at everything else. */
static void wait_for_next_turn(struct subscription_load *load)
{
	load->owner->due += !load->is_held;
	load->is_held = true;
	load->job.message.run = on_next_turn;
	mailbox_post(load->owner->builder.mailbox, &load->job.message);
}

/* What the builder has brought is applied or refused. False: there is more to apply. */
static bool finish(struct subscription *sub, struct subscription_load *load)
{
	enum status status = load->status;

	if (!status) {
		load->has_more = false;
		status = sub->type->apply(sub, load, &load->is_changed, &load->is_empty,
					  &load->diag);
		if (!status && load->has_more)
			return false;
	}
	if (status == STATUS_AGAIN) {
		sub->is_stale = true;
		return true;
	}
	if (status)
		refuse(sub, &load->diag, !load->file && status != STATUS_INVALID);
	else
		note_taken(sub, load);
	note_known(sub, !status);
	return true;
}

/* Main has it. What is outdated before it was begun isn't applied, what was begun is. */
static void take(struct subscription_load *load)
{
	struct subscription *sub = load->subscription;
	struct subscriptions *owner = load->owner;
	bool is_wanted = sub && !owner->is_stopped && (load->is_held || !sub->is_stale);

	if (is_wanted && !finish(sub, load)) {
		wait_for_next_turn(load);
		return;
	}
	if (sub)
		sub->load = NULL;
	load_free(load);
	if (sub && sub->is_stale && !owner->is_stopped) {
		sub->is_stale = false;
		subscription_load(sub);
	}
	if (!owner->is_stopped)
		owner->settled(owner);
}

static void done(struct builder_job *job)
{
	take(container_of(job, struct subscription_load, job));
}

void subscription_load(struct subscription *sub)
{
	struct subscription_load *load;

	if (!sub->is_started) {
		sub->is_started = true;
		sub->owner->due += !sub->is_unawaited;
	}
	if (sub->load) {
		sub->is_stale = true;
		return;
	}
	load = calloc(1, sizeof *load);
	invariant(load);
	*load = (struct subscription_load){
		.job = {.run = run, .done = done},
		.subscription = sub,
		.type = sub->type,
		.owner = sub->owner,
		.path = strdup(sub->path),
		.start_ns = sub->owner->loop->now_ns,
	};
	invariant(load->path);
	stat_inc(shard(sub), sub->scope, sub->type->attempt);
	if (sub->type->begin)
		load->work = sub->type->begin(sub);
	sub->load = load;
	if (builder_post(&sub->owner->builder, &load->job)) {
		diag_set(&load->diag, "no thread to read it: the system has none left");
		refuse(sub, &load->diag, true);
		sub->load = NULL;
		load_free(load);
		note_known(sub, false);
	}
}

static void on_changed(struct file_watch_entry *entry)
{
	struct subscription *sub = container_of(entry, struct subscription, watch);

	if (sub->is_started)
		subscription_load(sub);
}

/* --- opening and closing --- */

enum status subscription_source(const ConfigSource *source, const char **path,
				const char **watched_directory, struct diag *diag)
{
	const char *where = "path_config_source.path";

	*watched_directory = NULL;
	switch (source ? source->config_source_specifier_case
		       : ENVOY__CONFIG__CORE__V3__CONFIG_SOURCE__CONFIG_SOURCE_SPECIFIER__NOT_SET) {
	case ENVOY__CONFIG__CORE__V3__CONFIG_SOURCE__CONFIG_SOURCE_SPECIFIER_PATH:
		*path = source->path;
		where = "path";
		break;
	case ENVOY__CONFIG__CORE__V3__CONFIG_SOURCE__CONFIG_SOURCE_SPECIFIER_PATH_CONFIG_SOURCE:
		*path = source->path_config_source->path;
		if (source->path_config_source->watched_directory)
			*watched_directory = source->path_config_source->watched_directory->path;
		break;
	case ENVOY__CONFIG__CORE__V3__CONFIG_SOURCE__CONFIG_SOURCE_SPECIFIER_API_CONFIG_SOURCE:
		return diag_at(diag, "api_config_source", "is not supported yet: name a file");
	case ENVOY__CONFIG__CORE__V3__CONFIG_SOURCE__CONFIG_SOURCE_SPECIFIER_ADS:
		return diag_at(diag, "ads", "is not supported yet: name a file");
	case ENVOY__CONFIG__CORE__V3__CONFIG_SOURCE__CONFIG_SOURCE_SPECIFIER_SELF:
		return diag_at(diag, "self", "is not supported yet: name a file");
	case ENVOY__CONFIG__CORE__V3__CONFIG_SOURCE__CONFIG_SOURCE_SPECIFIER__NOT_SET:
	case _ENVOY__CONFIG__CORE__V3__CONFIG_SOURCE__CONFIG_SOURCE_SPECIFIER__CASE_IS_INT_SIZE:
		return diag_set(diag, "path_config_source is required");
	}
	if (access(*path, F_OK))
		return diag_at(diag, where, "'%s' does not exist", *path);
	return STATUS_OK;
}

static void on_watch(struct io *io, int interest)
{
	struct subscriptions *subscriptions = container_of(io, struct subscriptions, watch_io);

	(void)interest;
	file_watch_read(&subscriptions->watch);
}

static enum status start_watching(struct subscriptions *subscriptions, struct diag *diag)
{
	if (subscriptions->is_watching)
		return STATUS_OK;
	if (file_watch_open(&subscriptions->watch, diag))
		return STATUS_INVALID;
	io_init(&subscriptions->watch_io, subscriptions->watch.fd, on_watch);
	io_watch(subscriptions->loop, &subscriptions->watch_io, IO_READ);
	subscriptions->is_watching = true;
	return STATUS_OK;
}

enum status subscriptions_watch(struct subscriptions *subscriptions, struct file_watch_entry *entry,
				const char *path, void (*changed)(struct file_watch_entry *entry),
				struct diag *diag)
{
	enum status status = start_watching(subscriptions, diag);

	return status ? status
		      : file_watch_add(&subscriptions->watch, entry, path, NULL, changed, diag);
}

static void subscription_free(struct subscription *sub)
{
	stat_scope_drop(sub->owner->stats, sub->scope);
	stat_scope_drop(sub->owner->stats, sub->more);
	free((char *)(uintptr_t)sub->name.data);
	free(sub->path);
	free(sub->watched_directory);
	free(sub->refusal);
	free(sub->version_info);
	free(sub);
}

enum status subscription_open(struct subscriptions *subscriptions,
			      const struct subscription_config *config,
			      struct subscription **opened, struct diag *diag)
{
	struct subscription *sub = calloc(1, sizeof *sub);
	const char *path = NULL, *watched_directory = NULL;

	invariant(sub);
	*sub = (struct subscription){
		.type = config->type,
		.owner = subscriptions,
		.subject = config->subject,
		.name = slice_make(strndup(config->name.data, config->name.len), config->name.len),
		.scope = config->scope,
		.more = config->more ? config->more : stat_scope_hold(config->scope),
		.version_info = copy(""),
		.is_unawaited = config->is_unawaited,
	};
	enum status status = subscription_source(config->source, &path, &watched_directory, diag);
	if (!status)
		status = start_watching(subscriptions, diag);
	if (!status) {
		sub->path = copy(path);
		sub->watched_directory = copy(watched_directory);
		if (file_watch_add(&subscriptions->watch, &sub->watch, path, watched_directory,
				   on_changed, diag))
			status = STATUS_INVALID;
	}
	if (status) {
		subscription_free(sub);
		return status;
	}
	list_push_back(&subscriptions->list, &sub->link);
	*opened = sub;
	return STATUS_OK;
}

void subscription_close(struct subscription *sub)
{
	if (!sub)
		return;
	if (sub->load)
		sub->load->subscription = NULL;
	if (sub->is_started && !sub->is_known)
		sub->owner->due -= !sub->is_unawaited;
	file_watch_remove(&sub->owner->watch, &sub->watch);
	list_remove(&sub->link);
	subscription_free(sub);
}

static bool is_same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

bool subscription_is_of(const struct subscription *sub, const ConfigSource *source)
{
	const char *path = NULL, *watched_directory = NULL;
	struct diag diag = {0};

	return !subscription_source(source, &path, &watched_directory, &diag) &&
	       is_same(sub->path, path) && is_same(sub->watched_directory, watched_directory);
}

void subscriptions_init(struct subscriptions *subscriptions, struct loop *loop,
			struct mailbox *mailbox, struct stats *stats)
{
	*subscriptions = (struct subscriptions){.loop = loop, .stats = stats};
	list_init(&subscriptions->list);
	builder_init(&subscriptions->builder, mailbox);
}

void subscriptions_tick(struct subscriptions *subscriptions)
{
	if (subscriptions->is_watching)
		file_watch_retry(&subscriptions->watch);
}

void subscriptions_stop(struct subscriptions *subscriptions)
{
	subscriptions->is_stopped = true;
	builder_stop(&subscriptions->builder);
}

void subscriptions_fini(struct subscriptions *subscriptions)
{
	invariant(list_is_empty(&subscriptions->list));
	if (!subscriptions->is_watching)
		return;
	io_watch(subscriptions->loop, &subscriptions->watch_io, IO_NONE);
	file_watch_close(&subscriptions->watch);
	subscriptions->is_watching = false;
}
