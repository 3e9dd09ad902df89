/* The writer thread's body: takes full blocks off the queue and writes them to their files, and
 * drains the process's own log (base/log.h). It may block on a disk; nobody waits for it. A pipe,
 * socket or terminal that takes nothing keeps its own blocks waiting, no other file's.
 *
 *   log_queue_begin(log_writer_wake, files)     thread: log_writer_run(files)
 *   workers end, log_worker_free each           log_writer_stop(files), join, log_queue_end()
 *
 * Owner: the server makes the thread. Thread: its own, one. */
#ifndef TELEMETRY_LOG_WRITER_H
#define TELEMETRY_LOG_WRITER_H

struct access_log_files;

/* Runs until log_writer_stop was called and the queue is empty. */
void log_writer_run(struct access_log_files *files);

/* Makes the writer look again: what log_queue_begin calls. files: struct access_log_files. Any
 * thread. */
void log_writer_wake(void *files);

/* Makes the writer return when it has written what is queued; then join its thread. Any thread. */
void log_writer_stop(struct access_log_files *files);

#endif
