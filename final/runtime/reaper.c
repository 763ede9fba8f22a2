//go:build cgo && linux

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "roles.h"

/*
 * The role "reaper": the first process of a container whose program is to be
 * another one. It has one thread, no file and no rights beyond the program's;
 * it reaps orphans, passes signals on, and ends as the program does, and with it all
 * of the container.
 *
 * The child goes on as init does, in a session of its own: it is who gets the
 * terminal. That pivot_root(2) moves our root and working folder, too, since they
 * are what it replaces.
 */

static void become(const struct orders *orders)
{
	role_drop_bounding(orders->bounding);
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		role_fail("keep the capabilities of the reaper");
	if (setgroups(0, NULL) < 0 || setresgid(orders->gid, orders->gid, orders->gid) < 0 ||
	    setresuid(orders->uid, orders->uid, orders->uid) < 0)
		role_fail("become the user of the container");
	role_keep_capabilities(orders->kept);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		role_fail("set no_new_privs");
}

/* Reaps all that have ended. Returns the status of program, or -1 if that runs. */
static int reap(pid_t program)
{
	int ended = -1;

	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, WNOHANG);

		if (pid <= 0)
			return ended;
		if (pid == program)
			ended = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	}
}

static void watch(pid_t program, const sigset_t *all)
{
	for (;;) {
		int signal = sigwaitinfo(all, NULL);
		int status;

		if (signal < 0)
			continue; /* EINTR: we have been stopped and go on */
		if (signal != SIGCHLD) {
			kill(program, signal); /* it may just have ended */
			continue;
		}
		status = reap(program);
		if (status >= 0)
			_exit(status);
	}
}

__attribute__((constructor)) static void reaper(int argc, char **argv)
{
	struct orders orders;
	sigset_t all, before;
	int gate[2];
	char byte;
	long program;

	if (!role_is("reaper", argc, argv))
		return;
	if (getpid() != 1) {
		fputs("tinydocker: the reaper is started by tinydocker itself, and not by hand\n", stderr);
		_exit(NOT_STARTED);
	}
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		role_fail("keep others from tracing the reaper");
	role_read_orders(&orders);
	if (unshare(orders.unshared) < 0)
		role_fail("make the cgroup namespace");
	sigfillset(&all);
	if (chdir("/") < 0 || sigprocmask(SIG_BLOCK, &all, &before) < 0 || pipe2(gate, O_CLOEXEC) < 0)
		role_fail("prepare the reaper");
	program = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
	if (program < 0)
		role_fail("start the process that becomes the program");
	if (program > 0) {
		become(&orders);
		if (syscall(SYS_close_range, 0, ~0U, 0) < 0) /* and so opens the gate */
			role_fail("close the files of the reaper");
		watch(program, &all);
	}
	/* The program must not meet a first process that may more than itself. */
	if (close(gate[1]) < 0 || read(gate[0], &byte, 1) != 0 || close(gate[0]) < 0)
		role_fail("wait for the reaper");
	if (setsid() < 0 || sigprocmask(SIG_SETMASK, &before, NULL) < 0)
		role_fail("leave the session of the reaper");
	role_taken = 1;
}
