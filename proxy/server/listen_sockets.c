#include "server/listen_sockets.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "hotrestart/passed_sockets.h"
#include "server/worker.h"

static bool is_same(const struct listen_sockets *sockets, const struct addr *addrs,
		    unsigned addr_count, const struct listen_options *options)
{
	if (sockets->addr_count != addr_count ||
	    sockets->options.reuse_port != options->reuse_port ||
	    sockets->options.transparent != options->transparent)
		return false;
	for (unsigned i = 0; i < addr_count; i++)
		if (!addr_equal(&sockets->addrs[i], &addrs[i]))
			return false;
	return true;
}

static void close_here(struct worker *worker, void *fd)
{
	(void)worker;
	close((int)(intptr_t)fd);
}

/* By the worker that accepted from it: its event library may still have a word with the kernel
 * about a descriptor that it watches no more, and by then the number could be another's. */
static void close_one(const struct listen_sockets *sockets, unsigned place, unsigned w)
{
	const struct publisher *publisher = sockets->publisher;
	struct worker *worker = publisher->workers ? publisher->workers[w] : NULL;
	int fd = listen_sockets_fd(sockets, place, w);

	if (fd < 0)
		return;
	if (worker && worker->is_started)
		worker_post(worker, close_here, (void *)(intptr_t)fd);
	else
		close(fd);
}

static void close_all(struct listen_sockets *sockets)
{
	for (unsigned place = 0; place < listen_sockets_places(sockets); place++)
		for (unsigned w = 0; w < sockets->worker_count; w++)
			close_one(sockets, place, w);
	free(sockets->addrs);
	free(sockets->paths);
	free(sockets);
}

static bool has_one_a_worker(const struct listen_sockets *sockets, unsigned a)
{
	return sockets->options.reuse_port && sockets->addrs[a].family != ADDR_UNIX;
}

static size_t passed_count(const struct listen_source *source, const struct addr *addr,
			   const struct listen_options *options)
{
	bool reuse_port = options->reuse_port && addr->family != ADDR_UNIX;

	return source->passed ? passed_sockets_find(source->passed, PASSED_LISTENER, addr,
						    reuse_port, options->transparent)
			      : 0;
}

/* Deals the predecessor's sockets out to the workers, round by round. False: it has passed none. */
static bool claim_address(struct listen_sockets *sockets, const struct listen_source *source,
			  unsigned a)
{
	const struct addr *addr = &sockets->addrs[a];
	bool reuse_port = has_one_a_worker(sockets, a);
	unsigned workers = reuse_port ? sockets->worker_count : 1;
	size_t count = passed_count(source, addr, &sockets->options);
	int *fds;

	if (!count)
		return false;
	fds = calloc(count, sizeof *fds);
	invariant(fds);
	passed_sockets_claim(source->passed, PASSED_LISTENER, addr, reuse_port,
			     sockets->options.transparent, fds);
	for (size_t i = 0; i < count; i++) {
		size_t place = a * sockets->rounds + i / workers;
		sockets->fds[place * sockets->worker_count + i % workers] = fds[i];
	}
	free(fds);
	return true;
}

static int open_one(const struct listen_sockets *sockets, unsigned a)
{
	struct listen_options options = sockets->options;

	options.reuse_port = has_one_a_worker(sockets, a);
	return listen_socket_open(&sockets->addrs[a], &options);
}

static enum status open_address(struct listen_sockets *sockets, unsigned a, struct diag *diag)
{
	unsigned count = has_one_a_worker(sockets, a) ? sockets->worker_count : 1;

	for (unsigned w = 0; w < count; w++) {
		int fd = open_one(sockets, a);
		if (fd < 0) {
			char text[ADDR_TEXT_MAX];
			addr_format(&sockets->addrs[a], text);
			return diag_at(diag, "address", "cannot bind '%s': %s", text,
				       status_text((enum status)fd));
		}
		sockets->fds[a * sockets->rounds * sockets->worker_count + w] = fd;
	}
	return STATUS_OK;
}

void listen_sockets_complete(struct listen_sockets *sockets)
{
	for (unsigned a = 0; a < sockets->addr_count; a++) {
		/* a port that the system has chosen can't be asked for by its configuration */
		bool is_any = sockets->addrs[a].family != ADDR_UNIX && !sockets->addrs[a].port;
		if (!has_one_a_worker(sockets, a) || is_any)
			continue;
		for (unsigned w = 0; w < sockets->worker_count; w++) {
			int *fd = &sockets->fds[a * sockets->rounds * sockets->worker_count + w];
			if (*fd >= 0)
				continue;
			*fd = open_one(sockets, a);
			if (*fd >= 0)
				continue;
			log_warn(MAIN, "worker %u accepts nothing: no socket of its own: %s", w,
				 status_text((enum status) * fd));
			*fd = -1;
		}
	}
}

/* So many that all that was passed for any address finds a place. */
static unsigned rounds_of(const struct listen_source *source, const struct addr *addrs,
			  unsigned addr_count, const struct listen_options *options)
{
	unsigned rounds = 1;

	for (unsigned a = 0; a < addr_count; a++) {
		bool is_shared = !options->reuse_port || addrs[a].family == ADDR_UNIX;
		size_t workers = is_shared ? 1 : source->publisher->worker_count;
		size_t count = passed_count(source, &addrs[a], options);
		if ((count + workers - 1) / workers > rounds)
			rounds = (unsigned)((count + workers - 1) / workers);
	}
	return rounds;
}

static struct listen_sockets *sockets_new(const struct listen_source *source,
					  const struct addr *addrs, unsigned addr_count,
					  const struct listen_options *options)
{
	unsigned worker_count = source->publisher->worker_count;
	unsigned rounds = rounds_of(source, addrs, addr_count, options);
	size_t fd_count = (size_t)addr_count * rounds * worker_count;
	struct listen_sockets *sockets = calloc(1, sizeof *sockets + fd_count * sizeof(int));

	invariant(sockets);
	sockets->addr_count = addr_count;
	sockets->rounds = rounds;
	sockets->publisher = source->publisher;
	sockets->worker_count = worker_count;
	sockets->references = 1;
	sockets->options = *options;
	sockets->addrs = calloc(addr_count, sizeof *sockets->addrs);
	sockets->paths = calloc(addr_count, sizeof *sockets->paths);
	invariant(sockets->addrs && sockets->paths);
	for (size_t i = 0; i < fd_count; i++)
		sockets->fds[i] = -1;
	for (unsigned a = 0; a < addr_count; a++) {
		sockets->addrs[a] = addrs[a];
		if (addrs[a].family != ADDR_UNIX)
			continue;
		strncpy(sockets->paths[a], addrs[a].path, ADDR_TEXT_MAX - 1);
		sockets->addrs[a].path = sockets->paths[a];
	}
	return sockets;
}

struct listen_sockets *listen_sockets_take(const struct listen_source *source,
					   const struct addr *addrs, unsigned addr_count,
					   const struct listen_options *options, struct diag *diag)
{
	struct list_node *open = source->open;

	for (struct list_node *n = open->next; n != open; n = n->next) {
		struct listen_sockets *sockets = container_of(n, struct listen_sockets, link);
		if (is_same(sockets, addrs, addr_count, options)) {
			sockets->references++;
			return sockets;
		}
	}
	struct listen_sockets *sockets = sockets_new(source, addrs, addr_count, options);
	for (unsigned a = 0; a < addr_count; a++) {
		if (!claim_address(sockets, source, a) && open_address(sockets, a, diag)) {
			close_all(sockets);
			return NULL;
		}
	}
	list_push_back(open, &sockets->link);
	return sockets;
}

void listen_sockets_drop(struct listen_sockets *sockets)
{
	if (--sockets->references)
		return;
	list_remove(&sockets->link);
	close_all(sockets);
}

void listen_sockets_close_rest(struct list_node *open)
{
	while (!list_is_empty(open)) {
		struct listen_sockets *sockets =
			container_of(open->next, struct listen_sockets, link);
		list_remove(&sockets->link);
		close_all(sockets);
	}
}
