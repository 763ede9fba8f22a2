#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

/*
 * A constructor: the loader calls it before main, and before the Go runtime, which is
 * what main starts. Now, and only now, this process has one thread.
 *
 * setns(2) moves a single thread, and refuses to move one of several into another
 * mount namespace: they have the root and the working directory in common.
 *
 * The PID namespace is not among these. It is for children only, and the parent has
 * joined it before this process was born (exec.go).
 */
static const char *const namespaces[] = {"ipc", "uts", "net", "mnt"};

#define COUNT (sizeof namespaces / sizeof *namespaces)

static void fail(const char *what, const char *namespace, const char *pid)
{
	fprintf(stderr, "mytinydocker: %s the %s namespace of process \"%s\": %s\n", what, namespace, pid, strerror(errno));
	exit(125);
}

static void check(const char *pid)
{
	if (*pid == '\0' || pid[strspn(pid, "0123456789")] != '\0') {
		errno = EINVAL;
		fail("open", namespaces[0], pid);
	}
}

/* Joins the namespaces of the process that MYTINYDOCKER_PID names, all or none. */
__attribute__((constructor)) static void join_namespaces(void)
{
	const char *pid = getenv("MYTINYDOCKER_PID");
	char path[64];
	int files[COUNT];

	if (pid == NULL)
		return; /* started by a user: nothing to join */
	check(pid);
	/* All are opened first: in the container's mount namespace, /proc is another. */
	for (size_t i = 0; i < COUNT; i++) {
		snprintf(path, sizeof path, "/proc/%.20s/ns/%s", pid, namespaces[i]);
		files[i] = open(path, O_RDONLY | O_CLOEXEC);
		if (files[i] < 0)
			fail("open", namespaces[i], pid);
	}
	for (size_t i = 0; i < COUNT; i++) {
		if (setns(files[i], 0) < 0)
			fail("join", namespaces[i], pid);
	}
	/* Killed, exec takes the program with it: nobody would wait for that any more. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		fail("stay attached after joining", namespaces[COUNT - 1], pid);
}
