/* Segments on disk: what was appended is found again, whatever stands behind it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spool/spool_files.h"

enum { SEGMENT = 1000 };

static unsigned data_syncs, folder_syncs;
static bool fails_sync;

/* In the place of libc's. */
int fdatasync(int fd)
{
	data_syncs++;
	errno = EIO;
	return fails_sync ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
	folder_syncs++;
	return (int)syscall(SYS_fsync, fd);
}

struct test {
	char path[64];
	struct spool_files files;
	uint64_t ids[256]; /* found: of requests; those that are over as 1000 + id */
	unsigned count;
};

static void found_record(void *owner, const struct spool_record *record, struct spool_place place)
{
	struct test *t = owner;

	assert_true(t->count < 256);
	t->ids[t->count++] = record->id + (record->type == SPOOL_OVER ? 1000 : 0);
	if (record->type == SPOOL_REQUEST)
		spool_files_count(&t->files, place.segment, true);
}

static uint64_t open_again(struct test *t)
{
	struct spool_found found = {.record = found_record, .owner = t};

	spool_files_close(&t->files);
	t->count = 0;
	assert_int_equal(spool_files_open(&t->files, t->path, SEGMENT), STATUS_OK);
	assert_int_equal(spool_files_recover(&t->files, &found), STATUS_OK);
	return found.cut_bytes;
}

static int set_up(void **state)
{
	struct test *t = calloc(1, sizeof *t);

	snprintf(t->path, sizeof t->path, "/tmp/spool.XXXXXX");
	assert_non_null(mkdtemp(t->path));
	spool_files_init(&t->files);
	open_again(t);
	*state = t;
	return 0;
}

static unsigned each_file(const struct test *t, bool removes)
{
	DIR *folder = opendir(t->path);
	const struct dirent *entry;
	unsigned count = 0;

	assert_non_null(folder);
	while ((entry = readdir(folder))) {
		char name[400];
		snprintf(name, sizeof name, "%s/%s", t->path, entry->d_name);
		count += strstr(name, ".segment") != NULL;
		if (removes)
			unlink(name);
	}
	closedir(folder);
	return count;
}

static int tear_down(void **state)
{
	struct test *t = *state;

	spool_files_close(&t->files);
	each_file(t, true);
	rmdir(t->path);
	free(t);
	return 0;
}

static struct spool_place append(struct test *t, uint64_t id, size_t len)
{
	char bytes[4096];
	struct spool_place place;

	memset(bytes, (int)id, sizeof bytes);
	assert_int_equal(spool_files_append(&t->files,
					    &(struct spool_record){.type = SPOOL_REQUEST,
								   .id = id,
								   .bytes = {bytes, len}},
					    &place),
			 STATUS_OK);
	spool_files_count(&t->files, place.segment, true);
	return place;
}

static void end(struct test *t, uint64_t id, struct spool_place of)
{
	struct spool_place place;

	assert_int_equal(spool_files_append(&t->files,
					    &(struct spool_record){.type = SPOOL_OVER, .id = id},
					    &place),
			 STATUS_OK);
	spool_files_count(&t->files, of.segment, false);
}

static void what_was_appended_is_found_in_its_order(void **state)
{
	struct test *t = *state;

	for (uint64_t id = 1; id <= 20; id++)
		append(t, id, 100);
	assert_int_equal(spool_files_sync(&t->files), STATUS_OK);
	assert_true(t->files.count > 1);
	uint64_t bytes = t->files.bytes;
	assert_int_equal(open_again(t), 0);
	assert_int_equal(t->count, 20);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(t->ids[i], i + 1);
	assert_int_equal(t->files.bytes, bytes);
	append(t, 21, 10); /* in a new segment, behind all */
	open_again(t);
	assert_int_equal(t->ids[20], 21);
}

static void records_are_read_back(void **state)
{
	struct test *t = *state;
	struct spool_place places[10];
	struct spool_record record;
	char out[5000];

	for (uint64_t id = 0; id < 10; id++)
		places[id] = append(t, id, id * 400);
	for (uint64_t id = 10; id--;) {
		assert_int_equal(spool_files_read(&t->files, places[id], out, &record), STATUS_OK);
		assert_int_equal(record.id, id);
		assert_int_equal(record.bytes.len, id * 400);
	}
	places[0].at++;
	assert_int_equal(spool_files_read(&t->files, places[0], out, &record), STATUS_MALFORMED);
}

/* The last segment with `cut` bytes less, or garbage behind it. */
static void damage(struct test *t, off_t cut, const char *garbage)
{
	char name[100];

	snprintf(name, sizeof name, "%s/%010u.segment", t->path, t->files.next_number - 1);
	spool_files_close(&t->files);
	int fd = open(name, O_RDWR | O_APPEND);
	assert_true(fd >= 0);
	off_t size = lseek(fd, 0, SEEK_END);
	assert_int_equal(ftruncate(fd, size - cut), 0);
	assert_int_equal(write(fd, garbage, strlen(garbage)), strlen(garbage));
	close(fd);
}

static void a_torn_tail_is_cut_off_and_nothing_before_it(void **state)
{
	struct test *t = *state;

	append(t, 1, 50);
	append(t, 2, 50);
	for (int cut = 1; cut < 94; cut += 7) {
		damage(t, cut, "");
		assert_int_equal(open_again(t), 94 - cut);
		assert_int_equal(t->count, 1);
		assert_int_equal(open_again(t), 0); /* it has gone from the file */
		spool_files_close(&t->files);
		each_file(t, true);
		open_again(t);
		append(t, 1, 50);
		append(t, 2, 50);
	}
	damage(t, 0, "garbage that is longer than the front of a record");
	assert_int_equal(open_again(t), 49);
	assert_int_equal(t->count, 2);
}

static void a_segment_goes_when_all_in_it_and_before_it_is_over(void **state)
{
	struct test *t = *state;
	struct spool_place places[4];

	for (uint64_t id = 0; id < 4; id++) /* one to a segment */
		places[id] = append(t, id, 900);
	assert_int_equal(each_file(t, false), 4);
	end(t, 1, places[1]);
	end(t, 2, places[2]);
	spool_files_trim(&t->files);
	assert_int_equal(each_file(t, false), 4); /* 0 lives */
	end(t, 0, places[0]);
	spool_files_trim(&t->files);
	assert_int_equal(each_file(t, false), 2); /* that of 3, and where 0 is told to be over */
	open_again(t);
	assert_int_equal(t->count, 4); /* 3, and that the others are over */
	assert_int_equal(t->ids[0], 3);
	assert_int_equal(t->ids[1], 1001);
}

static void the_last_segment_goes_when_it_is_large_and_over(void **state)
{
	struct test *t = *state;

	struct spool_place place = append(t, 1, 700);
	spool_files_trim(&t->files);
	assert_int_equal(t->files.count, 1);
	end(t, 1, place);
	spool_files_trim(&t->files);
	assert_int_equal(t->files.count, 0);
	assert_int_equal(t->files.bytes, 0);
	assert_int_equal(each_file(t, false), 0);
}

/* A full disk, as it were: no file may be larger. */
static void a_record_that_cannot_be_written_leaves_nothing(void **state)
{
	struct test *t = *state;
	struct rlimit before, small;
	struct spool_place place;
	const struct spool_record record = {
		.type = SPOOL_REQUEST, .id = 2, .bytes = SLICE("0123456789")};

	append(t, 1, 10);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = t->files.segments[0].bytes + 50; /* not quite */
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	enum status status = spool_files_append(&t->files, &record, &place);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(status, -EFBIG);
	append(t, 3, 10);
	assert_int_equal(open_again(t), 0);
	assert_int_equal(t->count, 2);
	assert_int_equal(t->ids[1], 3);
}

/* Who wrote them may have been killed before the sync: what is found now counts as kept. */
static void what_is_found_is_on_disk(void **state)
{
	struct test *t = *state;

	append(t, 1, 10);
	unsigned before = data_syncs, folders_before = folder_syncs;
	open_again(t);
	assert_int_equal(t->count, 1);
	assert_int_equal(data_syncs, before + 1);
	assert_int_equal(folder_syncs, folders_before + 1);
}

static void a_new_folder_is_there_for_good(void **state)
{
	const struct test *t = *state;
	struct spool_files other;
	char path[100];

	snprintf(path, sizeof path, "%s/new", t->path);
	unsigned before = folder_syncs;
	assert_int_equal(spool_files_open(&other, path, SEGMENT), STATUS_OK);
	assert_int_equal(folder_syncs, before + 1);
	spool_files_close(&other);
	snprintf(path, sizeof path, "%s/new/lock", t->path);
	unlink(path);
	snprintf(path, sizeof path, "%s/new", t->path);
	rmdir(path);
}

/* The sync before a new segment is part of what the next call tells. */
static void a_sync_that_failed_between_segments_is_told(void **state)
{
	struct test *t = *state;
	struct spool_place place;
	static char bytes[SEGMENT];
	const struct spool_record record = {
		.type = SPOOL_REQUEST, .id = 2, .bytes = {bytes, sizeof bytes}};

	append(t, 1, 10);
	fails_sync = true;
	assert_int_equal(spool_files_append(&t->files, &record, &place), -EIO);
	fails_sync = false;
	append(t, 3, 10);
	assert_int_equal(spool_files_sync(&t->files), -EIO);
	append(t, 4, 10);
	assert_int_equal(spool_files_sync(&t->files), STATUS_OK);
}

static void one_process_has_the_folder(void **state)
{
	struct test *t = *state;
	struct spool_files other;

	assert_int_equal(spool_files_open(&other, t->path, SEGMENT), STATUS_EXISTS);
	spool_files_close(&t->files);
	assert_int_equal(spool_files_open(&other, t->path, SEGMENT), STATUS_OK);
	spool_files_close(&other);
	assert_int_equal(spool_files_open(&other, "/nowhere/at/all", SEGMENT), -ENOENT);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		CASE(what_was_appended_is_found_in_its_order),
		CASE(records_are_read_back),
		CASE(a_torn_tail_is_cut_off_and_nothing_before_it),
		CASE(a_segment_goes_when_all_in_it_and_before_it_is_over),
		CASE(the_last_segment_goes_when_it_is_large_and_over),
		CASE(a_record_that_cannot_be_written_leaves_nothing),
		CASE(what_is_found_is_on_disk),
		CASE(a_new_folder_is_there_for_good),
		CASE(a_sync_that_failed_between_segments_is_told),
		CASE(one_process_has_the_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
