//go:build cgo && linux

#define _GNU_SOURCE
#include <errno.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "enter.h"

/*
 * The role "enter": a process that joins a running container. It must do so as
 * long as it has one thread, setns(2), and the Go runtime starts more; so this is a
 * constructor, which libc calls before main.
 *
 * The PID namespace is for children only, so the process that goes on is a child, and
 * by CLONE_PARENT one of whoever started us. It is born where it can see nothing
 * of the host any more, and may do no more than its program will and what is left
 * to do demands: a container that may trace its processes meets it from there on.
 */

enum { SOCKET = 3, PIDFD = 4, NOT_STARTED = 125 };

/* What our parent writes first, see exec.go. */
struct orders {
	uint64_t bounding; /* the capabilities that the program can ever have */
	uint64_t kept;     /* those that we have until then */
};

int entered;

static void report(char kind, const void *content, uint32_t length)
{
	char message[1 + sizeof length + 256];

	message[0] = kind;
	memcpy(message + 1, &length, sizeof length);
	memcpy(message + 1 + sizeof length, content, length);
	if (write(SOCKET, message, 1 + sizeof length + length) < 0)
		_exit(NOT_STARTED); /* our parent has gone, and with it who would care */
}

static void fail(const char *step)
{
	char failure[256];

	snprintf(failure, sizeof failure, "{\"Status\":%d,\"Message\":\"%s: %s\"}", NOT_STARTED, step, strerror(errno));
	report('f', failure, strlen(failure));
	_exit(NOT_STARTED);
}

/* Reads what our parent wants, all of it: a parent that has died says nothing. */
static void read_orders(struct orders *orders)
{
	size_t length = 0;

	while (length < sizeof *orders) {
		ssize_t count = read(SOCKET, (char *)orders + length, sizeof *orders - length);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0) {
			fputs("tinydocker: enter is started by tinydocker itself, and not by hand\n", stderr);
			_exit(NOT_STARTED);
		}
		length += count;
	}
}

/* All namespaces or none, of the process that the pidfd is, or of none (setns(2)). */
static void join_namespaces(void)
{
	int all = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP;

	if (setns(PIDFD, all) < 0)
		fail("join the namespaces of the container");
	if (close(PIDFD) < 0)
		fail("close the handle of the container");
}

static void give_up_capabilities(const struct orders *orders)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[2];

	for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
		if (!(orders->bounding >> capability & 1) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
			fail("drop capabilities from the bounding set");
	}
	if (syscall(SYS_capget, &header, sets) < 0)
		fail("read the capabilities");
	for (int half = 0; half < 2; half++) {
		sets[half].permitted &= (uint32_t)(orders->kept >> 32 * half);
		sets[half].effective = sets[half].permitted;
		sets[half].inheritable = 0;
	}
	if (syscall(SYS_capset, &header, sets) < 0)
		fail("give up capabilities");
}

/* Goes on as a process in the PID namespace that we have joined. */
static void be_born_inside(void)
{
	long child = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);

	if (child < 0)
		fail("start a process in the container");
	if (child > 0) {
		int32_t pid = child;

		report('p', &pid, sizeof pid);
		_exit(0);
	}
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		fail("follow our parent");
	if (setsid() < 0)
		fail("leave the session of our parent");
}

__attribute__((constructor)) static void enter(int argc, char **argv)
{
	struct orders orders;

	if (argc != 2 || strcmp(argv[1], "enter") != 0)
		return;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		fail("keep others from tracing us");
	read_orders(&orders);
	join_namespaces();
	give_up_capabilities(&orders);
	be_born_inside();
	entered = 1;
}
