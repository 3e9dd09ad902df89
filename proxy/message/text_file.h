/* Reads a whole file: for the builder's thread, as it blocks. Regular files, pipes and devices
 * alike. */
#ifndef MESSAGE_TEXT_FILE_H
#define MESSAGE_TEXT_FILE_H

#include "base/diag.h"
#include "base/slice.h"
#include "base/status.h"

/* *text is on the heap, for the caller to free. STATUS_TOO_LARGE over max_bytes, else the errno;
 * diag says which file. */
MUST_CHECK enum status text_file_read(const char *path, size_t max_bytes, struct slice *text,
				      struct diag *diag);

#endif
