/* Arguments of a generic call with generic=bean: each value is a JavaBeanDescriptor that holds what
 * the value would be.
 *
 *   {className, type, properties: {"id": {…, type: 6, properties: {"value": 5}}, …}}
 *
 * Thread: any, one at a time. */
#ifndef CODEC_DUBBO_BEAN_H
#define CODEC_DUBBO_BEAN_H

#include "base/attributes.h"
#include "base/status.h"

struct argument_step;
struct argument_value;
struct hessian2_reader;

/* As hessian2_read_at, through descriptors as if they were the values they describe: fields,
 * entries of maps with plain keys, elements. Values that are no descriptors are read as they are.
 */
MUST_CHECK enum status dubbo_bean_read_at(struct hessian2_reader *reader,
					  const struct argument_step *steps, unsigned count,
					  struct argument_value *value);

#endif
