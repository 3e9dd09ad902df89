#include "server/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "hotrestart/launch.h"
#include "hotrestart/meeting.h"
#include "hotrestart/notify.h"
#include "hotrestart/sidecarset.h"
#include "hotrestart/supervision.h"
#include "server/server.h"

/* The supervisor's pid, for its children; what it knew, for the program that it becomes. */
#define SUPERVISOR_VARIABLE "OUTRIGGER_SUPERVISOR"
#define RENEWAL_VARIABLE "OUTRIGGER_SUPERVISION"

enum {
	DIAG_TEXT_MAX = 1536,
	NOTIFY_NAME_MAX = 32,
	AWAIT_STEP_MS = 50,
	HEAR_MAX = 4096, /* words in a row: more than a queue holds, whatever strangers send */
};

_Static_assert((int)SUPERVISION_REFUSED == (int)UPGRADE_EXIT_REFUSED, "one exit code");

struct supervisor {
	const struct options *options;
	struct supervision state;
	struct launch launch;
	struct meeting meeting; /* of a twin: to look whether somebody serves */
	struct process_log log;
	enum sidecarset_role role;
	int signals, notify;
	char notify_name[NOTIFY_NAME_MAX];
	char *outer;         /* NOTIFY_SOCKET of who started this process; NULL */
	unsigned idle_looks; /* without anybody who serves */
	bool is_told;        /* READY, to the outer one */
	bool is_owing;       /* its queue was full: to be told again */
	bool is_shown;       /* the ready file is there */
	bool renews, has_ended;
};

static void act(struct supervisor *s, unsigned actions, int signal_number);

static void complain(const struct diag *diag)
{
	char text[DIAG_TEXT_MAX];

	log_critical(HOTRESTART, "supervisor: %s", diag_format(diag, text, sizeof text));
}

/* --- what it says --- */

static bool tell_outer(const struct supervisor *s, const char *text)
{
	return !s->outer || notify_send_to(s->outer, text);
}

static void set_or_unset(const char *name, const char *value)
{
	int failed = value ? setenv(name, value, 1) : unsetenv(name);
	invariant(!failed);
}

static void set_children_environment(const struct supervisor *s)
{
	char pid[24];

	snprintf(pid, sizeof pid, "%ld", (long)getpid());
	set_or_unset(SUPERVISOR_VARIABLE, pid);
	set_or_unset(NOTIFY_VARIABLE, s->notify_name);
}

/* The ready file, and READY to the outer one: all is as it should be. */
static void show(struct supervisor *s)
{
	bool is_well = supervision_is_well(&s->state);
	bool is_idle = supervision_state(&s->state) == SUPERVISION_IDLE;
	const char *path = s->options->ready_file;
	struct diag diag = {.line = 0};

	if (is_well && !s->is_told)
		s->is_told = tell_outer(s, is_idle ? "READY=1\nSTATUS=idle\n"
						   : "READY=1\nSTATUS=serving\n");
	s->is_owing = is_well && !s->is_told;
	if (is_well == s->is_shown)
		return;
	s->is_shown = is_well;
	if (!path)
		return;
	if (!is_well)
		unlink(path);
	else if (server_write_file(path, "--ready-file", "", &diag))
		complain(&diag);
}

/* --- what it does --- */

static void start_child(struct supervisor *s)
{
	struct diag diag = {.line = 0};
	pid_t child = 0;

	if (launch_spawn(&s->launch, &child, &diag)) {
		child = 0;
		complain(&diag);
	} else {
		log_info(HOTRESTART, "supervisor: process %ld was started", (long)child);
	}
	act(s, supervision_started(&s->state, child), 0);
}

static void forward(const struct supervisor *s, bool to_all, int signal_number)
{
	const struct supervision *state = &s->state;

	if (state->current)
		kill(state->current, signal_number);
	if (state->successor)
		kill(state->successor, signal_number);
	for (unsigned i = 0; to_all && i < state->leaving_count; i++)
		kill(state->leaving[i], signal_number);
}

/* To those who listen: one that is starting would die of it, and has opened its files just now. */
static void forward_word(const struct supervisor *s, int signal_number)
{
	const struct supervision *state = &s->state;

	if (state->current && state->is_live)
		kill(state->current, signal_number);
	for (unsigned i = 0; i < state->leaving_count; i++)
		kill(state->leaving[i], signal_number);
}

static void act(struct supervisor *s, unsigned actions, int signal_number)
{
	if (actions & SUPERVISION_FORWARD_ALL)
		forward(s, true, signal_number);
	else if (actions & SUPERVISION_FORWARD)
		forward(s, false, signal_number);
	if (actions & SUPERVISION_RENEW)
		s->renews = true;
	if (actions & SUPERVISION_END)
		s->has_ended = true;
	if (actions & SUPERVISION_START)
		start_child(s);
}

static void call(struct supervisor *s)
{
	const char *refusal;
	unsigned actions = supervision_call(&s->state, &refusal);

	if (refusal)
		log_warn(HOTRESTART, "supervisor: no upgrade: %s", refusal);
	act(s, actions, 0);
}

/* Becomes the program that stands at the path now. If it can't, it goes on as it is. */
static void renew(struct supervisor *s)
{
	char text[SUPERVISION_TEXT_MAX];

	s->renews = false;
	if (!s->state.current) /* another container's has replaced it at once */
		return;
	supervision_write(&s->state, getpid(), s->notify, text);
	log_info(HOTRESTART, "supervisor: becoming the newer program");
	set_or_unset(RENEWAL_VARIABLE, text);
	set_or_unset(NOTIFY_VARIABLE, s->outer);
	set_or_unset(SUPERVISOR_VARIABLE, NULL);
	if (!fcntl(s->notify, F_SETFD, 0) && s->launch.path)
		execv(s->launch.path, s->options->argv);
	log_error(HOTRESTART, "supervisor: can't become the newer program: %s",
		  status_text(status_of_errno(errno)));
	fcntl(s->notify, F_SETFD, FD_CLOEXEC);
	set_or_unset(RENEWAL_VARIABLE, NULL);
	set_children_environment(s);
}

/* --- what it hears --- */

static void hear(struct supervisor *s)
{
	unsigned words;
	int sender;

	for (int i = 0; i < HEAR_MAX && !notify_receive(s->notify, &words, &sender); i++) {
		if (!supervision_knows(&s->state, sender))
			continue;
		log_debug(HOTRESTART, "supervisor: process %d says %u", sender, words);
		if (words & NOTIFY_IS_REPLACED)
			act(s, supervision_replaced(&s->state, sender), 0);
		if (words & NOTIFY_IS_READY)
			act(s, supervision_ready(&s->state, sender), 0);
	}
}

static void tell_of_end(const struct supervisor *s, pid_t child, int status)
{
	int code = supervision_code_of(status);

	if (!supervision_knows(&s->state, child))
		log_debug(HOTRESTART, "supervisor: orphan %ld has ended", (long)child);
	else if (code)
		log_warn(HOTRESTART, "supervisor: process %ld ended with code %d", (long)child,
			 code);
	else
		log_info(HOTRESTART, "supervisor: process %ld has ended", (long)child);
}

/* A child is heard to the end before it is reaped. */
static void reap(struct supervisor *s)
{
	siginfo_t info;
	int status;

	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) || !info.si_pid)
			return;
		hear(s);
		if (waitpid(info.si_pid, &status, WNOHANG) != info.si_pid)
			return;
		tell_of_end(s, info.si_pid, status);
		act(s, supervision_ended(&s->state, info.si_pid, status), 0);
	}
}

static void told_to_end(struct supervisor *s, int signal_number)
{
	if (!s->state.is_ending)
		tell_outer(s, NOTIFY_STOPPING);
	act(s, supervision_end(&s->state, signal_number != SIGTERM), signal_number);
}

static void on_signal(struct supervisor *s, int signal_number)
{
	switch (signal_number) {
	case SIGTERM:
	case SIGINT:
	case SIGQUIT:
		told_to_end(s, signal_number);
		break;
	case SIGUSR1:
		process_log_reopen(&s->log);
		forward_word(s, signal_number);
		break;
	case SIGHUP:
		forward_word(s, signal_number);
		break;
	case SIGUSR2:
		call(s);
		break;
	case SIGCHLD:
		reap(s);
		break;
	default:
		break;
	}
}

/* Those that come when the newer program is to be become are left to it: they wait. */
static void take_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (!s->has_ended && !s->renews && read(s->signals, &info, sizeof info) == sizeof info)
		on_signal(s, (int)info.ssi_signo);
}

/* The empty twin has no program worth starting; the older one has. */
static bool stands_by(const struct supervisor *s)
{
	return s->meeting.path && supervision_state(&s->state) == SUPERVISION_IDLE;
}

static void look(struct supervisor *s)
{
	if (meeting_is_right_taken(&s->meeting, RIGHT_TO_SERVE))
		s->idle_looks = 0;
	else if (++s->idle_looks >= SUPERVISOR_STANDBY_LOOKS) {
		s->idle_looks = 0;
		log_warn(HOTRESTART, "supervisor: nobody serves: this twin does");
		call(s);
	}
}

static void run(struct supervisor *s)
{
	struct pollfd fds[] = {{.fd = s->signals, .events = POLLIN},
			       {.fd = s->notify, .events = POLLIN}};

	while (!s->has_ended) {
		show(s);
		bool looks = stands_by(s) || s->is_owing;
		int n = poll(fds, COUNT_OF(fds), looks ? SUPERVISOR_LOOK_MS : -1);
		hear(s);
		take_signals(s);
		if (!n && stands_by(s))
			look(s);
		if (s->renews && !s->has_ended) {
			show(s);
			renew(s);
		}
	}
	show(s);
}

/* --- the beginning and the end --- */

static enum status watch_signals(struct supervisor *s, struct diag *diag)
{
	static const int watched[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD};
	sigset_t set;

	sigemptyset(&set);
	for (unsigned i = 0; i < COUNT_OF(watched); i++)
		sigaddset(&set, watched[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	s->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return s->signals < 0
		       ? diag_set(diag, "no signals: %s", status_text(status_of_errno(errno)))
		       : STATUS_OK;
}

/* This process was a supervisor before: its children are there, and its socket. */
static bool take_renewal(struct supervisor *s)
{
	const char *text = getenv(RENEWAL_VARIABLE);
	bool is_own = text && supervision_read(&s->state, slice_of(text), getpid(), &s->notify);

	if (is_own) {
		enum status status =
			notify_name_of(s->notify, s->notify_name, sizeof s->notify_name);
		invariant(!status); /* it was left open for this */
		fcntl(s->notify, F_SETFD, FD_CLOEXEC);
		s->is_told = s->is_shown = true;
	}
	set_or_unset(RENEWAL_VARIABLE, NULL);
	return is_own;
}

static enum status open_notify(struct supervisor *s, struct diag *diag)
{
	s->notify = notify_listen(s->notify_name, sizeof s->notify_name);
	return s->notify < 0 ? diag_set(diag, "no socket: %s", status_text((enum status)s->notify))
			     : STATUS_OK;
}

static enum status write_pid(const struct supervisor *s, struct diag *diag)
{
	char text[24];

	snprintf(text, sizeof text, "%ld\n", (long)getpid());
	return server_write_file(s->options->pid_file, "--pid-file", text, diag);
}

static enum status begin(struct supervisor *s, struct diag *diag)
{
	bool begins_idle = sidecarset_begins_idle(s->role);
	const char *outer = getenv(NOTIFY_VARIABLE);
	enum status status = STATUS_OK;

	s->outer = outer && *outer ? strdup(outer) : NULL;
	supervision_init(&s->state, s->role != SIDECARSET_NONE, begins_idle);
	bool was_one = take_renewal(s);
	if (!was_one && s->options->ready_file)
		unlink(s->options->ready_file);
	if (s->role != SIDECARSET_NONE && s->role != SIDECARSET_EMPTY)
		status = meeting_open(&s->meeting, s->options->upgrade_socket, diag);
	if (!status)
		status = watch_signals(s, diag);
	if (!status && !was_one)
		status = write_pid(s, diag);
	if (!status && !was_one)
		status = open_notify(s, diag);
	if (status)
		return status;
	/* what it started, and what that started: though it isn't process 1 */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	set_children_environment(s);
	if (s->role != SIDECARSET_NONE)
		log_info(HOTRESTART, "supervisor: twin of a SidecarSet: %s",
			 sidecarset_role_name(s->role));
	if (!was_one && !begins_idle)
		call(s);
	reap(s);
	return STATUS_OK;
}

void supervisor_find(struct options *options)
{
	const char *text = getenv(SUPERVISOR_VARIABLE);
	uint64_t pid;

	if (!text || !slice_to_uint64(slice_of(text), &pid) || pid != (uint64_t)getppid())
		return;
	options->supervisor = (pid_t)pid;
	options->pid_file = NULL;
}

static enum sidecarset_role role_here(void)
{
	return sidecarset_role_of(getenv(SIDECARSET_VERSION), getenv(SIDECARSET_VERSION_ALT));
}

bool supervisor_is_wanted(const struct options *options)
{
	return options->mode == MODE_SERVE && options->upgrade_socket && !options->supervisor &&
	       (getpid() == 1 || options->is_supervisor || options->ready_file ||
		role_here() != SIDECARSET_NONE);
}

int supervisor_run(const struct options *options)
{
	struct supervisor s = {
		.options = options,
		.meeting.lock = -1,
		.role = role_here(),
		.signals = -1,
		.notify = -1,
	};
	struct diag diag = {.line = 0};
	int code = 1;

	launch_save(&s.launch, options->argv);
	enum status status = process_log_set_up(&s.log, options, &diag);
	if (!status)
		status = begin(&s, &diag);
	if (status) {
		complain(&diag);
	} else {
		run(&s);
		code = s.state.code;
	}
	if (s.signals >= 0)
		close(s.signals);
	if (s.notify >= 0)
		close(s.notify);
	meeting_close(&s.meeting);
	launch_free(&s.launch);
	free(s.outer);
	process_log_close(&s.log);
	return code;
}

int supervisor_await(const struct options *options)
{
	for (int waited = 0; access(options->ready_file, F_OK); waited += AWAIT_STEP_MS) {
		if (waited >= SUPERVISOR_AWAIT_MS) {
			fprintf(stderr, "outrigger: '%s' isn't there after %d s\n",
				options->ready_file, SUPERVISOR_AWAIT_MS / 1000);
			return 1;
		}
		poll(NULL, 0, AWAIT_STEP_MS);
	}
	return 0;
}
