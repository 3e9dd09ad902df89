#include "hotrestart/meeting.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/attributes.h"

enum { BACKLOG = 8 };

static const char lock_suffix[] = ".lock", new_suffix[] = ".new";

static char *with_suffix(const char *path, const char *suffix)
{
	size_t size = strlen(path) + strlen(suffix) + 1;
	char *text = malloc(size);

	invariant(text);
	snprintf(text, size, "%s%s", path, suffix);
	return text;
}

enum status meeting_open(struct meeting *meeting, const char *path, struct diag *diag)
{
	struct sockaddr_un name;

	*meeting = (struct meeting){.lock = -1};
	if (path[0] != '/')
		return diag_at(diag, "--upgrade-socket", "'%s' must be an absolute path", path);
	if (strlen(path) + sizeof new_suffix > sizeof name.sun_path)
		return diag_at(diag, "--upgrade-socket", "'%s' is too long for a socket", path);
	char *lock_path = with_suffix(path, lock_suffix);
	meeting->lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	enum status status = STATUS_OK;
	if (meeting->lock < 0)
		status = diag_at(diag, "--upgrade-socket", "cannot open '%s': %s", lock_path,
				 status_text(status_of_errno(errno)));
	else
		meeting->path = with_suffix(path, "");
	free(lock_path);
	return status;
}

void meeting_close(struct meeting *meeting)
{
	if (meeting->lock >= 0)
		close(meeting->lock);
	free(meeting->path);
	*meeting = (struct meeting){.lock = -1};
}

static int set_lock(const struct meeting *meeting, enum meeting_right right, short type)
{
	struct flock lock = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)right, .l_len = 1};

	return fcntl(meeting->lock, F_OFD_SETLK, &lock);
}

enum status meeting_take_right(const struct meeting *meeting, enum meeting_right right)
{
	if (!set_lock(meeting, right, F_WRLCK))
		return STATUS_OK;
	return errno == EAGAIN || errno == EACCES ? STATUS_AGAIN : status_of_errno(errno);
}

void meeting_drop_right(const struct meeting *meeting, enum meeting_right right)
{
	int failed = set_lock(meeting, right, F_UNLCK);
	invariant(!failed);
}

bool meeting_is_right_taken(const struct meeting *meeting, enum meeting_right right)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)right, .l_len = 1};

	return fcntl(meeting->lock, F_OFD_GETLK, &lock) < 0 || lock.l_type != F_UNLCK;
}

static void fill_name(struct sockaddr_un *name, const char *path)
{
	memset(name, 0, sizeof *name);
	name->sun_family = AF_UNIX;
	memcpy(name->sun_path, path, strlen(path));
}

/* Under another name first, so that at the path there is always a socket that somebody listens on.
 */
static enum status listen_at(int fd, const char *path, const char *final_path)
{
	struct sockaddr_un name;

	unlink(path);
	fill_name(&name, path);
	if (bind(fd, (struct sockaddr *)&name, sizeof name))
		return status_of_errno(errno);
	if (chmod(path, 0600) || listen(fd, BACKLOG) || rename(path, final_path)) {
		enum status status = status_of_errno(errno);
		unlink(path);
		return status;
	}
	return STATUS_OK;
}

int meeting_listen(const struct meeting *meeting, struct diag *diag)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		diag_at(diag, "--upgrade-socket", "no socket: %s",
			status_text(status_of_errno(errno)));
		return STATUS_INVALID;
	}
	char *new_path = with_suffix(meeting->path, new_suffix);
	enum status status = listen_at(fd, new_path, meeting->path);
	free(new_path);
	if (!status)
		return fd;
	close(fd);
	diag_at(diag, "--upgrade-socket", "cannot listen at '%s': %s", meeting->path,
		status_text(status));
	return STATUS_INVALID;
}

int meeting_dial(const struct meeting *meeting)
{
	struct sockaddr_un name;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	fill_name(&name, meeting->path);
	if (!connect(fd, (struct sockaddr *)&name, sizeof name))
		return fd;
	int error = -errno;
	close(fd);
	return error;
}

int meeting_accept(int listening)
{
	int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0)
		return fd;
	return errno == EAGAIN ? (int)STATUS_AGAIN : -errno;
}

enum status meeting_check_peer(int fd, struct diag *diag)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return diag_set(diag, "who it is can't be told: %s",
				status_text(status_of_errno(errno)));
	if (peer.uid != geteuid())
		return diag_set(diag, "it runs as user %u, not %u", (unsigned)peer.uid,
				(unsigned)geteuid());
	return STATUS_OK;
}
