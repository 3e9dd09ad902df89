#include "base/attributes.h"

#include <stdio.h>
#include <stdlib.h>

void invariant_failed(const char *what, const char *file, int line)
{
	fprintf(stderr, "outrigger: %s:%d: bug: %s does not hold\n", file, line, what);
	abort();
}
