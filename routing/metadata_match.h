/* Conditions on the metadata of a stream: what xDS calls a MetadataMatcher.
 *
 *   ("jwt", claims, groups)  list_match {one_of: {string_match: {exact: admin}}}     a path, a test
 *
 * What isn't there matches nothing, so that only `invert` can match it. Owner: the arena given to
 * load; immutable. Thread: any. Limit: METADATA_MATCH_DEPTH_MAX tests within each other. */
#ifndef ROUTING_METADATA_MATCH_H
#define ROUTING_METADATA_MATCH_H

#include "message/metadata.h"
#include "routing/string_matcher.h"

struct Envoy__Type__Matcher__V3__MetadataMatcher;

enum { METADATA_MATCH_DEPTH_MAX = 16 };

enum label_test_kind {
	LABEL_TEST_NOTHING, /* present_match: false */
	LABEL_TEST_PRESENT,
	LABEL_TEST_NULL,
	LABEL_TEST_BOOL,
	LABEL_TEST_NUMBER, /* equals from */
	LABEL_TEST_RANGE,  /* in [from, to) */
	LABEL_TEST_STRING,
	LABEL_TEST_ITEM, /* one of a list's items passes the only part */
	LABEL_TEST_ANY,  /* passes any of the parts */
};

struct label_test {
	uint8_t kind; /* enum label_test_kind */
	bool truth;
	double from, to;
	struct string_matcher string;
	const struct label_test *parts;
	uint32_t part_count;
};

struct metadata_match {
	struct metadata_path path;
	struct label_test test;
	bool invert;
};

struct metadata_matches {
	const struct metadata_match *items;
	uint32_t count;
};

/* STATUS_INVALID or _UNSUPPORTED and a diag whose path begins inside the message. */
enum status MUST_CHECK
metadata_match_load(struct metadata_match *match,
		    const struct Envoy__Type__Matcher__V3__MetadataMatcher *message,
		    struct arena *arena, struct diag *diag);

/* The same of a list, whose field the diag's path begins with. */
enum status MUST_CHECK
metadata_matches_load(struct metadata_matches *matches, const char *field,
		      struct Envoy__Type__Matcher__V3__MetadataMatcher *const *messages,
		      size_t count, struct arena *arena, struct diag *diag);

/* label NULL: nothing is there. *gave_up is set (never cleared) when a regex gave up. */
bool label_test(const struct label_test *test, const struct label *label, bool *gave_up);

/* metadata NULL: there is none. */
bool metadata_match_try(const struct metadata_match *match, const struct metadata *metadata,
			bool *gave_up);

/* True when all match: also when there are none. For whatever no access depends on. */
bool metadata_matches_test(const struct metadata_matches *matches, const struct metadata *metadata);

#endif
