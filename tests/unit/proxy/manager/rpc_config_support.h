/* What a manager of calls is made into by its message, in YAML; what of it is refused.
 *
 * The test names the manager: static const struct conn_filter_type *const loaded_type. */
#ifndef TEST_RPC_CONFIG_SUPPORT_H
#define TEST_RPC_CONFIG_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "filters/registry.h"
#include "manager/rpc_manager.h"
#include "telemetry/stats.h"
#include "telemetry/stats_network.h"
#include "xds/yaml_message.h"

static const struct conn_filter_type *const loaded_type;

static inline uint32_t slot_of(const struct config_context *context, enum published_kind kind,
			       struct slice name)
{
	(void)context;
	(void)kind;
	return (uint32_t)name.len;
}

static inline bool nothing_is_known(const struct config_context *context, enum published_kind kind,
				    struct slice name)
{
	(void)context;
	(void)kind;
	(void)name;
	return false;
}

struct loaded {
	struct arena arena;
	struct stats *stats;
	struct diag diag;
	const struct rpc_manager *manager; /* NULL: refused */
};

/* Of a listener's direction. Ends with unload. */
static inline void load(struct loaded *loaded, const char *text, bool is_outbound)
{
	ProtobufCMessage *message = NULL;

	*loaded = (struct loaded){.stats = stats_new()};
	arena_init(&loaded->arena, 4096);
	const struct config_context context = {
		.arena = &loaded->arena,
		.stats = loaded->stats,
		.is_outbound = is_outbound,
		.slot = slot_of,
		.is_known = nothing_is_known,
		.filter_type = filter_type_find,
	};
	if (yaml_message_parse(slice_of(text), "t.yaml", loaded_type->message, NULL, &loaded->arena,
			       &message, &loaded->diag))
		fail_msg("%s: %s", loaded->diag.path, loaded->diag.text);
	const void *config = NULL;
	if (!loaded_type->config_load(&config, message, &context, &loaded->diag))
		loaded->manager = config;
}

static inline void unload(struct loaded *loaded)
{
	arena_free(&loaded->arena);
	stats_free(loaded->stats);
}

/* The scope is the one of this name. */
static inline void assert_scope(struct loaded *loaded, const struct stat_scope *scope,
				const struct stat_type *type, const char *name)
{
	struct stat_scope *named = stat_scope_take(loaded->stats, type, slice_of(name));

	assert_ptr_equal(scope, named);
	stat_scope_drop(loaded->stats, named);
}

static inline void assert_refused(const char *text, const char *path, const char *reason)
{
	struct loaded loaded;

	load(&loaded, text, false);
	assert_null(loaded.manager);
	assert_string_equal(loaded.diag.path, path);
	if (!strstr(loaded.diag.text, reason))
		fail_msg("'%s' is not in '%s'", reason, loaded.diag.text);
	unload(&loaded);
}

#endif
