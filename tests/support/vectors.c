#include "support/vectors.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/attributes.h"
#include "message/grammar.h"

enum { PATH_SIZE = 512 };

struct slice vector_read(const char *file, struct arena *arena)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof path, "tests/vectors/%s", file);
	FILE *in = fopen(path, "rb");
	invariant(in && !fseek(in, 0, SEEK_END));
	size_t size = (size_t)ftell(in), len = 0;
	rewind(in);
	char *hex = malloc(size + 1), *bytes = arena_alloc(arena, size / 2);
	invariant(hex && fread(hex, 1, size, in) == size);
	fclose(in);
	for (size_t i = 0; i + 1 < size; i++)
		if (grammar_is((uint8_t)hex[i], GRAMMAR_HEX)) {
			bytes[len++] = (char)(grammar_hex(hex[i]) << 4 | grammar_hex(hex[i + 1]));
			i++;
		}
	free(hex);
	return slice_make(bytes, len);
}

unsigned vectors_each(const char *folder, const char *suffix,
		      void (*fn)(const char *file, struct slice bytes, void *arg), void *arg)
{
	char path[PATH_SIZE];
	struct arena arena;
	struct dirent *entry;
	unsigned count = 0;

	snprintf(path, sizeof path, "tests/vectors/%s", folder);
	DIR *dir = opendir(path);
	invariant(dir);
	arena_init(&arena, 4096);
	while ((entry = readdir(dir))) {
		if (!slice_ends_with(slice_of(entry->d_name), slice_of(suffix)))
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		fn(path, vector_read(path, &arena), arg);
		arena_reset(&arena);
		count++;
	}
	closedir(dir);
	arena_free(&arena);
	return count;
}
