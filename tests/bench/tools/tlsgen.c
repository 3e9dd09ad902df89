/* tlsgen PORT THREADS SECS full|resume
 * Closed loop: connect, TLS 1.3 handshake (AES-128-GCM), one HTTP/1.1 request with Connection:
 * close, the answer. With "resume" every handshake but a thread's first offers the ticket of the
 * one before. */
#include "util.h"
#include <openssl/ssl.h>
#include <pthread.h>

static int port;
static bool resume;
static uint64_t end_at;
static SSL_CTX *ctx;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct hist h;
static uint64_t ok, errors, resumed;
static char cipher[64];

struct worker {
	SSL_SESSION *session;
};

static int on_session(SSL *ssl, SSL_SESSION *s)
{
	struct worker *w = SSL_get_app_data(ssl);
	if (w->session)
		SSL_SESSION_free(w->session);
	w->session = s;
	return 1;
}

static void *run(void *arg)
{
	struct worker *w = arg;
	static const char req[] =
		"GET /bench HTTP/1.1\r\nHost: bench.local\r\nConnection: close\r\n\r\n";
	char buf[16384];
	while (now_ns() < end_at) {
		uint64_t t0 = now_ns();
		struct sockaddr_in sa = loopback(port);
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		nodelay(fd);
		SSL *ssl = SSL_new(ctx);
		SSL_set_app_data(ssl, w);
		SSL_set_fd(ssl, fd);
		SSL_set_tlsext_host_name(ssl, "bench.local");
		if (resume && w->session)
			SSL_set_session(ssl, w->session);
		bool good = !connect(fd, (struct sockaddr *)&sa, sizeof sa) &&
			    SSL_connect(ssl) == 1 && SSL_write(ssl, req, sizeof req - 1) > 0;
		size_t got = 0;
		int n;
		while (good && (n = SSL_read(ssl, buf, sizeof buf)) > 0)
			got += (size_t)n;
		good = good && got > 0 && !strncmp(buf, "HTTP/1.1 200", 12);
		pthread_mutex_lock(&lock);
		if (good) {
			ok++;
			resumed += (uint64_t)SSL_session_reused(ssl);
			hist_add(&h, now_ns() - t0);
			snprintf(cipher, sizeof cipher, "%s %s", SSL_get_version(ssl),
				 SSL_get_cipher(ssl));
		} else {
			errors++;
		}
		pthread_mutex_unlock(&lock);
		SSL_set_quiet_shutdown(ssl, 1);
		SSL_shutdown(ssl);
		SSL_free(ssl);
		close(fd);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return fprintf(stderr, "usage: tlsgen PORT THREADS SECS full|resume\n"), 2;
	process_setup();
	port = atoi(argv[1]);
	int threads = atoi(argv[2]);
	resume = !strcmp(argv[4], "resume");
	ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256");
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, on_session);
	SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	uint64_t start = now_ns();
	end_at = start + (uint64_t)(atof(argv[3]) * 1e9);
	pthread_t *t = calloc((size_t)threads, sizeof *t);
	struct worker *w = calloc((size_t)threads, sizeof *w);
	for (int i = 0; i < threads; i++)
		pthread_create(&t[i], NULL, run, &w[i]);
	for (int i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	fprintf(stderr, "%s, resumed %llu of %llu\n", cipher, (unsigned long long)resumed,
		(unsigned long long)ok);
	report(&h, ok, errors, now_ns() - start);
	return 0;
}
