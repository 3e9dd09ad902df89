#include "server/admin_build.h"

#include "server/admin_hosts.h"

static void run(struct builder_job *job)
{
	struct admin_build *build = container_of(job, struct admin_build, job);

	if (build->hosts)
		host_query_merge(build->hosts);
	build->page->fill(&build->request);
}

static void build_free(struct admin_build *build)
{
	struct arena arena = build->arena;

	build->page->end(build->request.taken);
	if (build->hosts)
		host_query_free(build->hosts);
	text_free(&build->request.body);
	arena_free(&arena);
}

static void on_done(struct builder_job *job)
{
	struct admin_build *build = container_of(job, struct admin_build, job);

	if (build->owner)
		build->done(build);
	build_free(build);
}

struct admin_build *admin_build_start(struct builder *builder, const struct admin_page *page,
				      const struct admin_request *request, struct host_query *hosts,
				      void (*done)(struct admin_build *build), void *owner)
{
	struct arena arena;

	arena_init(&arena, 1024);
	struct admin_build *build = ARENA_NEW(&arena, struct admin_build);
	build->job = (struct builder_job){.run = run, .done = on_done};
	build->page = page;
	build->request = *request;
	build->request.path = arena_slice(&arena, request->path);
	build->request.query = arena_slice(&arena, request->query);
	build->request.method = arena_slice(&arena, request->method);
	build->request.hosts = build->hosts = hosts;
	build->done = done;
	build->owner = owner;
	build->arena = arena;
	if (!builder_post(builder, &build->job))
		return build;
	run(&build->job);
	on_done(&build->job);
	return NULL;
}
