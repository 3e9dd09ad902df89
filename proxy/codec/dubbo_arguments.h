/* The arguments of a Dubbo request, read only when somebody asks.
 *
 *   body: five strings | argument … argument | attachments
 *                        one for each descriptor in the parameter types
 *
 * Thread: the stream's. */
#ifndef CODEC_DUBBO_ARGUMENTS_H
#define CODEC_DUBBO_ARGUMENTS_H

#include <stdbool.h>

#include "base/slice.h"
#include "message/argument_value.h"
#include "message/headers.h"

struct argument_path;
struct rpc_call_bytes;
struct rpc_head;

/* How many arguments the parameter types name ("Ljava/lang/String;[I": 2), or -1 when malformed. */
int dubbo_count_arguments(struct slice param_types);
/* The same for a request, counted once. */
int dubbo_argument_count(struct rpc_head *rpc);

/* What stands at a path of a request's arguments; argument_read in message/argument_value.h says
 * how it answers. */
argument_read dubbo_argument_value;

/* What stands at several paths (values[i] at paths[i]; what can't be read is absent), and with
 * `attachments` what dubbo_read_attachments reads, in one pass over the body. The values live as
 * long as payload and arena. */
void dubbo_read_call(struct headers *headers, const struct argument_path *const *paths,
		     uint32_t count, struct argument_value *values, bool attachments,
		     struct arena *arena);

/* The bytes of the arguments at paths[0 … bytes->count), and with `attachments` all that stands
 * behind the arguments, of a payload whose head (serialization, place and number of arguments) is
 * known. False: some of it can't be read; a path has steps, or an argument is more than a number, a
 * date, a text or bytes; paths aren't in the order of their arguments. */
bool dubbo_read_bytes(const struct rpc_head *head, struct slice payload,
		      const struct argument_path *const *paths, bool attachments,
		      struct arena *arena, struct rpc_call_bytes *bytes);

/* The text of the index-th argument (from 0) as String.valueOf gives it, in the headers' arena. To
 * be called from the `headers` event (the payload is needed). False: no Dubbo request in Hessian2,
 * no such argument, one without text (null, a list, an object …), or what stands before it can't be
 * read. */
bool dubbo_argument(const struct headers *headers, unsigned index, struct slice *text);

#endif
