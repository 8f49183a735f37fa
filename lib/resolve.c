/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * getaddrinfo() is the only look-up that honours all of the system's configuration, and it blocks for as
 * long as it likes. So it runs in a thread of its own, the only kind of thread in this program: it
 * shares nothing with the loop but its job, signals that it is done by closing its end of a pipe, and
 * cannot be stopped. Whoever leaves the job second frees it.
 */
#include "lib/resolve.h"

#include <assert.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

#include "lib/util.h"

struct job {
	char *host;
	int done_fd; /* the thread's; closing it wakes the loop */
	struct gw_resolve_result result;
	atomic_bool left; /* one of the two has gone */
};

struct gw_resolve {
	struct job *job;
	int fd;
	sd_event_source *io;
	void (*done)(const struct gw_resolve_result *result, void *userdata);
	void *userdata;
};

static void job_leave(struct job *job)
{
	if (!atomic_exchange(&job->left, true))
		return;
	free(job->host);
	free(job);
}

static void look_up(const char *host, struct gw_resolve_result *result)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
	struct addrinfo *list = NULL;
	int r;

	r = getaddrinfo(host, /* service= */ NULL, &hints, &list);
	if (r == EAI_ADDRFAMILY || r == EAI_NONAME) {
		/* AI_ADDRCONFIG does not count loopback, so a host without a network has none. */
		const struct addrinfo any = { .ai_socktype = SOCK_STREAM };

		r = getaddrinfo(host, /* service= */ NULL, &any, &list);
	}
	if (r != 0) {
		result->error = gai_strerror(r);
		return;
	}

	for (const struct addrinfo *a = list; a && result->n < GW_RESOLVE_MAX; a = a->ai_next)
		if (getnameinfo(a->ai_addr, a->ai_addrlen, result->addresses[result->n],
				GW_RESOLVE_ADDRESS_MAX, NULL, 0, NI_NUMERICHOST) == 0)
			result->n++;
	if (!result->n)
		result->error = "it has no address";
	freeaddrinfo(list);
}

static void *work(void *arg)
{
	struct job *job = arg;
	int done_fd = job->done_fd;

	look_up(job->host, &job->result);
	job_leave(job);
	(void)close(done_fd); /* after leaving: what the loop finds then is its own */
	return NULL;
}

static int start_thread(struct job *job)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int r;

	r = pthread_attr_init(&attributes);
	if (r != 0)
		return -r;

	(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&thread, &attributes, work, job);
	(void)pthread_attr_destroy(&attributes);
	return -r;
}

/* The loop's end of the pipe comes back in *ret_fd, the job with its thread under way in *ret. */
static int start_job(const char *host, int *ret_fd, struct job **ret)
{
	_cleanup_close_ int read_fd = -1, write_fd = -1;
	struct job *job;
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	read_fd = fds[0];
	write_fd = fds[1];

	job = calloc(1, sizeof(*job));
	if (!job)
		return -ENOMEM;
	job->host = strdup(host);
	job->done_fd = write_fd;

	r = job->host ? start_thread(job) : -ENOMEM;
	if (r < 0) {
		free(job->host);
		free(job);
		return r;
	}

	write_fd = -1; /* the thread's from here on */
	*ret_fd = TAKE_FD(read_fd);
	*ret = job;
	return 0;
}

static int on_done(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct gw_resolve *resolve = userdata;

	(void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
	assert(atomic_load(&resolve->job->left)); /* what was written before that is ours to read */
	resolve->done(&resolve->job->result, resolve->userdata);
	return 0;
}

struct gw_resolve *gw_resolve_free(struct gw_resolve *resolve)
{
	if (!resolve)
		return NULL;

	if (resolve->job)
		job_leave(resolve->job);
	sd_event_source_disable_unref(resolve->io);
	if (resolve->fd >= 0)
		(void)close(resolve->fd);
	free(resolve);
	return NULL;
}

GW_DEFINE_CLEANUP(struct gw_resolve *, gw_resolve_free)

int gw_resolve_start(sd_event *event, const char *host,
		     void (*done)(const struct gw_resolve_result *result, void *userdata),
		     void *userdata, struct gw_resolve **ret)
{
	_cleanup_(gw_resolve_freep) struct gw_resolve *resolve = calloc(1, sizeof(*resolve));
	int r;

	if (!resolve)
		return -ENOMEM;
	resolve->fd = -1;
	resolve->done = done;
	resolve->userdata = userdata;

	r = start_job(host, &resolve->fd, &resolve->job);
	if (r < 0)
		return r;
	r = sd_event_add_io(event, &resolve->io, resolve->fd, EPOLLIN, on_done, resolve);
	if (r < 0)
		return r;

	*ret = TAKE_PTR(resolve);
	return 0;
}
