/* The one list of filter types: message filters and connection filters.
 *
 * Constant data. A type is found by the message of its configuration, as in Envoy; its name in a
 * chain is free. */
#ifndef FILTERS_REGISTRY_H
#define FILTERS_REGISTRY_H

struct ProtobufCMessageDescriptor;
struct conn_filter_type;
struct filter_type;

/* The message filter whose configuration (in a chain, or of a route) is this message, or NULL. */
const struct filter_type *filter_type_find(const struct ProtobufCMessageDescriptor *message);

/* The connection filter whose configuration is this message, or NULL. */
const struct conn_filter_type *
conn_filter_type_find(const struct ProtobufCMessageDescriptor *message);

#endif
