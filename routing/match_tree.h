/* A tree of tests that chooses among lists of routes: what xDS calls a Matcher, for virtual hosts
 * that have one instead of routes.
 *
 *   list:    if x-a is "1" and not path ends in ".js" ─> routes       the first that holds
 *   exact:   path "/x" ─> routes, "/y" ─> another tree                 a map
 *   prefix:  path "/api/v1" ─> …, "/api" ─> …                          the longest first
 *   else:    routes, another tree, or none
 *
 * A leaf's routes are tried in order as those of a virtual host are. A branch that finds nothing
 * leads to the next candidate, then to "else". Owner: the table's arena; immutable. Thread: any.
 * Inputs: request headers and query parameters. Limit: MATCH_TREE_DEPTH_MAX nested trees. */
#ifndef ROUTING_MATCH_TREE_H
#define ROUTING_MATCH_TREE_H

#include "routing/route_set.h"

struct Xds__Type__Matcher__V3__Matcher;
struct route_build;
struct virtual_host;

enum { MATCH_TREE_DEPTH_MAX = 16 };

struct match_tree;

/* STATUS_INVALID or STATUS_UNSUPPORTED and a diag with the path from inside `matcher` on. */
enum status MUST_CHECK match_tree_load(const struct match_tree **tree,
				       const struct Xds__Type__Matcher__V3__Matcher *message,
				       const struct virtual_host *host,
				       const struct route_build *build, struct diag *diag);

/* The first route that matches at the leaf that the request leads to, or NULL. */
const struct route *match_tree_match(const struct match_tree *tree,
				     const struct route_match_input *input, unsigned *looked_at);

#endif
