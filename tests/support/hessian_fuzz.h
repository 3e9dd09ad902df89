/* What must hold of any bytes in a Hessian grammar: shared by the fuzz targets of both. */
#ifndef SUPPORT_HESSIAN_FUZZ_H
#define SUPPORT_HESSIAN_FUZZ_H

#include "base/slice.h"

struct hessian2_grammar;

/* Aborts when it doesn't. */
void hessian_fuzz(struct slice bytes, const struct hessian2_grammar *grammar);

#endif
