#include "filters/sentinel/ops/log_folder.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attributes.h"

/* Java's user.home is that of the passwd entry; HOME serves who has none. */
static const char *home(void)
{
	const struct passwd *user = getpwuid(getuid());
	const char *folder = user && user->pw_dir[0] ? user->pw_dir : getenv("HOME");

	return folder ? folder : "";
}

char *log_folder_of(struct slice given)
{
	char *folder;
	int len;

	while (given.len > 1 && given.data[given.len - 1] == '/')
		given.len--;
	if (!given.len)
		len = asprintf(&folder, "%s/logs/csp", home());
	else if (given.data[0] == '~')
		len = asprintf(&folder, "%s%.*s", home(), (int)given.len - 1, given.data + 1);
	else
		len = asprintf(&folder, "%.*s", SLICE_FMT(given));
	invariant(len >= 0);
	return folder;
}

enum status log_folder_make(const char *folder)
{
	enum status status = STATUS_OK;
	char *path;

	if (!access(folder, W_OK | X_OK))
		return STATUS_OK;
	path = strdup(folder);
	invariant(path);
	for (char *end = path + 1; !status && *end; end++) {
		if (*end != '/')
			continue;
		*end = 0;
		if (mkdir(path, 0755) && errno != EEXIST)
			status = status_of_errno(errno);
		*end = '/';
	}
	if (!status && mkdir(path, 0755) && errno != EEXIST)
		status = status_of_errno(errno);
	free(path);
	return status;
}
