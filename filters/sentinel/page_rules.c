/* The rules in force, as both kinds of the admin page /sentinel show them. */
#include <math.h>

#include "base/regex.h"
#include "filters/sentinel/application.h"
#include "filters/sentinel/core/rule_list.h"
#include "filters/sentinel/ops/metric_collector.h"
#include "filters/sentinel/ops/rule_text.h"
#include "filters/sentinel/page.h"
#include "filters/sentinel/rules.h"

struct telling {
	const struct sentinel_application *application;
	const struct regex *names;
	void (*fn)(void *arg, const struct sentinel_page_rule *rule);
	void *arg;
	struct text text; /* of one rule */
};

bool sentinel_page_shows(const struct regex *names, struct slice name)
{
	struct slice found;

	return !names || !regex_find(names, name, &found, 1);
}

static void tell(struct telling *t, struct sentinel_page_rule *rule, const struct stat_scope *scope)
{
	rule->text = text_slice(&t->text);
	rule->is_counted = scope != NULL;
	if (scope)
		rule->blocked = stat_value(t->application->all->stats, scope, RULE_STAT_BLOCKED);
	t->fn(t->arg, rule);
	t->text.len = 0;
}

static void tell_kind(struct telling *t, enum rule_kind kind, const struct rule_list *list)
{
	struct rule_array array = rule_list_of(list, kind);

	for (size_t i = 0; i < array.count; i++) {
		const struct rule *rule = rule_array_at(&array, i);
		if (!sentinel_page_shows(t->names, rule->resource))
			continue;
		rule_text_put_rule(&t->text, kind, rule);
		tell(t,
		     &(struct sentinel_page_rule){
			     .kind = kind,
			     .resource = rule->resource,
			     .limit_app = rule->limit_app,
		     },
		     rule->scope);
	}
}

static void tell_limits(struct telling *t, const struct sentinel_rules *rules)
{
	struct system_limits limits = rule_list_limits(rules->list);

	if (!sentinel_page_shows(t->names, METRIC_INBOUND_NAME))
		return;
	for (unsigned i = SYSTEM_LIMIT_NONE + 1; i < SYSTEM_LIMITS; i++) {
		double value = system_limits_value(&limits, (enum system_limit)i);
		if (!(value < HUGE_VAL))
			continue;
		rule_text_put_limit(&t->text, (enum system_limit)i, value);
		tell(t,
		     &(struct sentinel_page_rule){
			     .kind = RULE_SYSTEM,
			     .resource = METRIC_INBOUND_NAME,
			     .limit_app = SLICE("default"),
		     },
		     rules->stats.limits[i]);
	}
}

void sentinel_page_each_rule(const struct sentinel_application *application,
			     const struct regex *names,
			     void (*fn)(void *arg, const struct sentinel_page_rule *rule),
			     void *arg)
{
	struct telling t = {.application = application, .names = names, .fn = fn, .arg = arg};
	const struct sentinel_rules *rules = application->rules;

	if (!rules)
		return;
	tell_limits(&t, rules);
	for (unsigned kind = 0; kind < RULE_KINDS; kind++)
		tell_kind(&t, (enum rule_kind)kind, rules->list);
	text_free(&t.text);
}
