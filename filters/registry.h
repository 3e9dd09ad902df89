/* The one list of filter types: message filters and connection filters.
 *
 * Constant data. A type is found by the message of its configuration, as in Envoy; its name in a
 * chain is free. */
#ifndef FILTERS_REGISTRY_H
#define FILTERS_REGISTRY_H

#include <stdbool.h>

struct ProtobufCMessageDescriptor;
struct conn_filter_type;
struct filter_type;

/* The message filter whose configuration (in a chain, or of a route) is this message, or NULL. */
const struct filter_type *filter_type_find(const struct ProtobufCMessageDescriptor *message);

/* The connection filter whose configuration is this message, or NULL. */
const struct conn_filter_type *
conn_filter_type_find(const struct ProtobufCMessageDescriptor *message);

/* Whether a filter that has this configuration must be the last of its chain, and the last must be
 * such a one; false for a message that no filter has. */
bool filter_ends_chain(const struct ProtobufCMessageDescriptor *message);

/* All of them, NULL behind the last. */
extern const struct filter_type *const filter_types[];
extern const struct conn_filter_type *const conn_filter_types[];

#endif
