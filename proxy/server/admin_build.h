/* An admin page that main would take too long for: filled on the builder's thread.
 *
 *   main: page->begin takes what it needs ─> builder: page->fill ─> main: done(build) ─ answered
 *
 * Owner: the builder's queue, until done has returned. Thread: main, but for the filling. */
#ifndef SERVER_ADMIN_BUILD_H
#define SERVER_ADMIN_BUILD_H

#include "base/arena.h"
#include "server/admin.h"
#include "server/builder.h"

struct admin_build {
	struct builder_job job;
	struct arena arena; /* holds it all */
	const struct admin_page *page;
	struct admin_request request; /* its slices are copies */
	struct host_query *hosts;     /* owned; NULL: none */
	void (*done)(struct admin_build *build);
	void *owner; /* done's; NULL: nobody wants to know any more */
};

/* `request` is begun (request->taken), and copied; hosts are taken. done is called with the request
 * filled, maybe from within; then the build is freed, and with it what begin took. */
struct admin_build *admin_build_start(struct builder *builder, const struct admin_page *page,
				      const struct admin_request *request, struct host_query *hosts,
				      void (*done)(struct admin_build *build), void *owner);

#endif
