#include "filters/local_service/local_service.h"

#include <stdlib.h>

#include "net/conn.h"
#include "net/served.h"
#include "stream/worker_context.h"

enum { LINGER_MS = 1000 }; /* for the client's end, so that a reset doesn't take the text from it */

struct local_service {
	struct conn conn;
	struct served served;
	struct pin *listener;
	const struct served_chain *chain;
	const struct local_service_config *config;
	uint64_t start_ms;
	struct accepted_end *end;
};

static void service_free(struct grave *grave)
{
	free(container_of(grave, struct local_service, conn.io.grave));
}

static void end(struct local_service *service)
{
	served_end(&service->served, service->chain);
	accepted_ended(service->end, loop_now_ms(conn_loop(&service->conn)) - service->start_ms);
	pin_drop(service->listener);
	conn_bury(&service->conn, service_free);
}

static size_t on_read(struct conn *conn, struct slice bytes, bool eof)
{
	struct local_service *service = container_of(conn, struct local_service, conn);

	if (service->config->is_echo && bytes.len) {
		buf_append_turn(&conn->out, bytes);
		conn_flush_later(conn);
	}
	if (eof)
		conn_close_flushed(conn, 0);
	return bytes.len;
}

static void on_closed(struct conn *conn, enum status why)
{
	(void)why;
	end(container_of(conn, struct local_service, conn));
}

static const struct conn_events events = {
	.read = on_read,
	.blocked = conn_read_pause,
	.unblocked = conn_read_resume,
	.closed = on_closed,
};

static void on_drain(struct served *served)
{
	struct local_service *service = container_of(served, struct local_service, served);
	conn_close_flushed(&service->conn, 0);
}

static void on_close(struct served *served)
{
	struct local_service *service = container_of(served, struct local_service, served);
	conn_close(&service->conn, false);
	end(service);
}

static struct served_look look(const struct served *served)
{
	(void)served;
	return (struct served_look){SERVED_OTHER, SERVED_NOT_DRAINABLE};
}

static struct served_origin origin(struct served *served)
{
	struct local_service *service = container_of(served, struct local_service, served);
	return (struct served_origin){service->listener, &service->chain};
}

static const struct served_type served_type = {
	.drain = on_drain,
	.close = on_close,
	.look = look,
	.origin = origin,
};

void local_service_serve(const void *config, const struct accepted *accepted)
{
	struct local_service *service = calloc(1, sizeof *service);
	struct worker_context *worker = accepted->worker;

	invariant(service);
	service->config = config;
	service->listener = pin_take(accepted->listener);
	service->chain = accepted->chain;
	service->start_ms = loop_now_ms(worker->loop);
	service->end = accepted->end;
	served_begin(&service->served, &served_type, &worker->served, service->chain);
	conn_open(&service->conn, worker->loop, accepted->fd, &plain_transport, &events);
	if (service->config->is_echo)
		return;
	buf_append_turn(&service->conn.out, service->config->text);
	conn_close_flushed(&service->conn, LINGER_MS);
}
