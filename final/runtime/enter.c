//go:build cgo && linux

#define _GNU_SOURCE
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "roles.h"

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

/*
 * All namespaces or none, of the process that the pidfd is, or of none (setns(2)). In a
 * user namespace we are nobody until we say that we are its root.
 */
static void join_namespaces(uint32_t users)
{
	int all = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP;

	if (setns(PIDFD, all | users) < 0)
		role_fail("join the namespaces of the container");
	if (users && (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0))
		role_fail("become the root of the container");
	if (close(PIDFD) < 0)
		role_fail("close the handle of the container");
}

/* Goes on as a process in the PID namespace that we have joined. */
static void be_born_inside(void)
{
	long child = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);

	if (child < 0)
		role_fail("start a process in the container");
	if (child > 0) {
		int32_t pid = child;

		role_report('p', &pid, sizeof pid);
		_exit(0);
	}
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		role_fail("follow our parent");
	if (setsid() < 0)
		role_fail("leave the session of our parent");
}

__attribute__((constructor)) static void enter(int argc, char **argv)
{
	struct orders orders;

	if (!role_is("enter", argc, argv))
		return;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		role_fail("keep others from tracing us");
	role_read_orders(&orders);
	join_namespaces(orders.joined);
	role_drop_bounding(orders.bounding);
	role_keep_capabilities(orders.kept);
	be_born_inside();
	role_taken = 1;
}
