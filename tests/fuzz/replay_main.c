/* Runs a fuzz target over the files of its corpus, without libFuzzer: what was found once stays
 * tested in every build. Each input gets an allocation of its exact size, so that AddressSanitizer
 * sees a read one byte past it. Fails when the corpus has no file: a replay of nothing proves
 * nothing. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static size_t replayed; /* nftw() passes no context */

static void die(const char *path, const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", path, what, strerror(errno));
	exit(1);
}

static int replay_file(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)where;
	if (type != FTW_F)
		return 0;
	size_t size = (size_t)st->st_size;
	uint8_t *data = malloc(size ? size : 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (!data || fd < 0)
		die(path, "open");
	for (size_t done = 0; done < size;) {
		ssize_t n = read(fd, data + done, size - done);
		if (n <= 0)
			die(path, "read");
		done += (size_t)n;
	}
	close(fd);
	if (getenv("REPLAY_VERBOSE"))
		fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	replayed++;
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr,
			"usage: %s CORPUS_FOLDER_OR_FILE...   (REPLAY_VERBOSE=1 names each file)\n",
			argv[0]);
		return 2;
	}
	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++)
		if (nftw(argv[i], replay_file, 16, FTW_PHYS))
			die(argv[i], "walk");
	printf("replayed %zu inputs\n", replayed);
	return replayed ? 0 : 1;
}
