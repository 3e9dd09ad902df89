#include "routing/fraction.h"

#include "envoy/config/core/v3/base.pb-c.h"
#include "envoy/type/v3/percent.pb-c.h"
#include "routing/runtime.h"

#define DENOMINATOR(kind) ENVOY__TYPE__V3__FRACTIONAL_PERCENT__DENOMINATOR_TYPE__##kind

struct fraction fraction_load(const Envoy__Type__V3__FractionalPercent *message)
{
	struct fraction f = {message ? message->numerator : 0, 100};

	if (message && message->denominator == DENOMINATOR(TEN_THOUSAND))
		f.denominator = 10000;
	if (message && message->denominator == DENOMINATOR(MILLION))
		f.denominator = 1000000;
	return f;
}

struct fraction fraction_of_key(struct slice key, const Envoy__Type__V3__FractionalPercent *message,
				const struct Envoy__Config__Bootstrap__V3__LayeredRuntime *runtime)
{
	uint64_t percent = key.len ? runtime_number(runtime, key, UINT64_MAX) : UINT64_MAX;

	if (percent != UINT64_MAX)
		return (struct fraction){percent > 100 ? 100 : (uint32_t)percent, 100};
	return fraction_load(message);
}

struct fraction
fraction_load_runtime(const Envoy__Config__Core__V3__RuntimeFractionalPercent *message,
		      const struct Envoy__Config__Bootstrap__V3__LayeredRuntime *runtime)
{
	return fraction_of_key(slice_of(message->runtime_key), message->default_value, runtime);
}
