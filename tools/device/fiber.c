/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two contexts that change places: the loop's and the fiber's. A fiber that waits has armed its timer, and one
 * source for its descriptor; whichever comes first takes it up again where it stood.
 *
 * The stack is mapped, not allocated: what is never touched takes no memory, and below it lies a page that
 * nobody may touch.
 */
#include "tools/device/fiber.h"

#include <assert.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <systemd/sd-event.h>
#include <ucontext.h>

#include "lib/util.h"

#define STACK_SIZE (256UL * 1024) /* wolfSSL's arithmetic takes some 30 KiB */
#define GUARD_SIZE 4096u

struct fiber {
	ucontext_t own, loop;
	uint8_t *stack;
	sd_event *event;
	sd_event_source *timer;
	void (*run)(void *userdata);
	void *userdata;
	bool is_readable; /* what it waited for */
	bool has_ended;
};

static struct fiber *running; /* whose turn it is; NULL: the loop's */

static void enter(struct fiber *f)
{
	running = f;
	(void)swapcontext(&f->loop, &f->own);
	running = NULL;
}

static void begin(void)
{
	struct fiber *f = running;

	f->run(f->userdata);
	f->has_ended = true;
	(void)swapcontext(&f->own, &f->loop);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct fiber *f = userdata;

	f->is_readable = true;
	enter(f);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	enter(userdata);
	return 0;
}

bool fiber_wait(int fd, uint64_t until_us)
{
	struct fiber *f = running;
	sd_event_source *io = NULL;

	assert(f);
	f->is_readable = false;
	(void)sd_event_source_set_time(f->timer, until_us);
	(void)sd_event_source_set_enabled(f->timer, SD_EVENT_ONESHOT);
	if (fd >= 0)
		(void)sd_event_add_io(f->event, &io, fd, EPOLLIN, on_io, f);

	(void)swapcontext(&f->own, &f->loop);

	sd_event_source_disable_unref(io);
	(void)sd_event_source_set_enabled(f->timer, SD_EVENT_OFF);
	return f->is_readable;
}

bool fiber_is_running(void)
{
	return running != NULL;
}

bool fiber_has_ended(const struct fiber *fiber)
{
	return fiber->has_ended;
}

struct fiber *fiber_free(struct fiber *fiber)
{
	if (!fiber)
		return NULL;

	if (fiber->stack)
		(void)munmap(fiber->stack, GUARD_SIZE + STACK_SIZE);
	sd_event_source_disable_unref(fiber->timer);
	sd_event_unref(fiber->event);
	free(fiber);
	return NULL;
}

GW_DEFINE_CLEANUP(struct fiber *, fiber_free)

static int make_stack(struct fiber *f)
{
	void *stack = mmap(/* addr= */ NULL, GUARD_SIZE + STACK_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (stack == MAP_FAILED)
		return -errno;
	f->stack = stack;
	return mprotect(stack, GUARD_SIZE, PROT_NONE) < 0 ? -errno : 0;
}

int fiber_new(sd_event *event, void (*run)(void *userdata), void *userdata, struct fiber **ret)
{
	_cleanup_(fiber_freep) struct fiber *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;

	f->event = sd_event_ref(event);
	f->run = run;
	f->userdata = userdata;
	r = make_stack(f);
	if (r < 0)
		return r;
	r = sd_event_add_time(event, &f->timer, CLOCK_MONOTONIC, UINT64_MAX, /* accuracy= */ 1,
			      on_timer, f);
	if (r < 0)
		return r;

	(void)getcontext(&f->own);
	f->own.uc_stack.ss_sp = f->stack + GUARD_SIZE;
	f->own.uc_stack.ss_size = STACK_SIZE;
	makecontext(&f->own, begin, 0);
	enter(f);
	*ret = TAKE_PTR(f);
	return 0;
}
