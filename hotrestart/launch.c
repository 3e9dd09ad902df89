#include "hotrestart/launch.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attributes.h"

static char *own_path(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

	if (n < 0)
		return NULL;
	path[n] = 0;
	return strdup(path);
}

void launch_save(struct launch *launch, char *const *argv)
{
	launch->argv = argv;
	launch->directory = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	launch->path = argv[0] && strchr(argv[0], '/') ? strdup(argv[0]) : own_path();
}

void launch_free(struct launch *launch)
{
	free(launch->path);
	if (launch->directory >= 0)
		close(launch->directory);
	*launch = (struct launch){.directory = -1};
}

enum status launch_spawn(const struct launch *launch, pid_t *child, struct diag *diag)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, all;

	if (!launch->path)
		return diag_set(diag, "the path of this program is not known");
	sigemptyset(&none);
	sigfillset(&all);
	int error = posix_spawn_file_actions_init(&files);
	invariant(!error);
	error = posix_spawnattr_init(&attributes);
	invariant(!error);
	if (launch->directory >= 0)
		error = posix_spawn_file_actions_addfchdir_np(&files, launch->directory);
	if (!error)
		error = posix_spawnattr_setflags(&attributes,
						 POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	if (!error)
		error = posix_spawnattr_setsigdefault(&attributes, &all);
	if (!error)
		error = posix_spawnattr_setsigmask(&attributes, &none);
	if (!error)
		error = posix_spawn(child, launch->path, &files, &attributes, launch->argv,
				    environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	if (error)
		return diag_set(diag, "cannot start '%s': %s", launch->path,
				status_text(status_of_errno(error)));
	return STATUS_OK;
}
