//go:build cgo && linux

#define _GNU_SOURCE
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "roles.h"

int role_taken;

int role_is(const char *role, int argc, char **argv)
{
	return argc == 2 && strcmp(argv[1], role) == 0;
}

/* A report as in reports.go. */
void role_report(char kind, const void *content, uint32_t length)
{
	char message[1 + sizeof length + 256];

	message[0] = kind;
	memcpy(message + 1, &length, sizeof length);
	memcpy(message + 1 + sizeof length, content, length);
	if (write(SOCKET, message, 1 + sizeof length + length) < 0)
		_exit(NOT_STARTED); /* our parent has gone, and with it who would care */
}

void role_fail(const char *step)
{
	char failure[256];

	snprintf(failure, sizeof failure, "{\"Status\":%d,\"Message\":\"%s: %s\"}", NOT_STARTED, step, strerror(errno));
	role_report('f', failure, strlen(failure));
	_exit(NOT_STARTED);
}

/* Reads what our parent wants, all of it: a parent that has died says nothing. */
void role_read_orders(struct orders *orders)
{
	size_t length = 0;

	while (length < sizeof *orders) {
		ssize_t count = read(SOCKET, (char *)orders + length, sizeof *orders - length);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0) {
			fputs("tinydocker: this role is started by tinydocker itself, and not by hand\n", stderr);
			_exit(NOT_STARTED);
		}
		length += count;
	}
}

void role_drop_bounding(uint64_t bounding)
{
	for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
		if (!(bounding >> capability & 1) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
			role_fail("drop capabilities from the bounding set");
	}
}

/* Keeps those of our capabilities that are in kept. */
void role_keep_capabilities(uint64_t kept)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[2];

	if (syscall(SYS_capget, &header, sets) < 0)
		role_fail("read the capabilities");
	for (int half = 0; half < 2; half++) {
		sets[half].permitted &= (uint32_t)(kept >> 32 * half);
		sets[half].effective = sets[half].permitted;
		sets[half].inheritable = 0;
	}
	if (syscall(SYS_capset, &header, sets) < 0)
		role_fail("give up capabilities");
}
