#include <stdint.h>

/* What the constructors of the roles have in common; roles.c has it. */

enum { SOCKET = 3, PIDFD = 4, NOT_STARTED = 125 };

/* What our parent writes first, see orders.go. */
struct orders {
	uint64_t bounding; /* the capabilities that the program can ever have */
	uint64_t kept;     /* those that the process of the role keeps */
	uint32_t uid, gid; /* whom the reaper becomes */
	uint32_t unshared; /* the namespaces that it makes: flags of unshare(2) */
	uint32_t joined;   /* the user namespace, if there is one to join: CLONE_NEWUSER */
};

/* Whether this process has taken on a role, and is to go on with it in Go. */
extern int role_taken;

void role_report(char kind, const void *content, uint32_t length);
void role_fail(const char *step);
void role_read_orders(struct orders *orders);
void role_drop_bounding(uint64_t bounding);
void role_keep_capabilities(uint64_t kept);
int role_is(const char *role, int argc, char **argv);
