#include "filters/sentinel/core/value_transfer.h"

#include "filters/sentinel/core/flow_rule.h"

struct value_writer {
	struct section_writer *out;
	uint32_t next;
	bool only_used;
};

static void write_value(void *arg, const struct value_at *value)
{
	struct value_writer *writer = arg;

	if (writer->only_used && !value->word)
		return;
	section_put_number(writer->out, value->place - writer->next);
	section_put_number(writer->out, value->used_ms);
	section_put_number(writer->out, value->fingerprint);
	section_put_number(writer->out, value->word);
	writer->next = value->place + 1;
}

void value_transfer_write(const struct value_table *values, bool only_used,
			  struct section_writer *out)
{
	struct value_writer writer = {.out = out, .only_used = only_used};

	section_put_number(out, value_table_places(values));
	value_table_each(values, write_value, &writer);
}

static void note_used(void *arg, const struct value_at *value)
{
	bool *is_used = arg;

	*is_used |= value->word != 0;
}

bool value_transfer_is_used(const struct value_table *values)
{
	bool is_used = false;

	value_table_each(values, note_used, &is_used);
	return is_used;
}

static uint64_t word_of(const struct param_flow_rule *rule, struct instant now, uint64_t word)
{
	if (rule->grade == FLOW_GRADE_THREAD)
		return word <= INT32_MAX ? word : 0;
	if (rule->control_behavior != CONTROL_RATE_LIMITER)
		return word;
	uint64_t last = (uint64_t)now.ms + (uint32_t)rule->max_queueing_time_ms;
	return word < last ? word : last;
}

bool value_transfer_read(struct slice bytes, const struct param_flow_rule *rule, struct instant now,
			 struct value_table *values)
{
	struct section_reader in;
	uint64_t places, next = 0;

	section_reader_init(&in, bytes);
	places = section_get_number(&in);
	while (section_has_more(&in)) {
		uint64_t place = next + section_get_number_to(&in, UINT32_MAX);
		struct value_at value = {.place = (uint32_t)place};
		value.used_ms = (uint32_t)section_get_number_to(&in, UINT32_MAX);
		value.fingerprint = section_get_number(&in);
		value.word = word_of(rule, now, section_get_number(&in));
		next = place + 1;
		if (in.is_bad || place >= places || value.fingerprint < 2)
			return false;
		if (places == value_table_places(values)) {
			if (!value_table_put(values, &value))
				return false;
		} else {
			atomic_store_explicit(
				value_table_at(values, value.fingerprint, value.used_ms),
				value.word, memory_order_relaxed);
		}
	}
	return !in.is_bad;
}
