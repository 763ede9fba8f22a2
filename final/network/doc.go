// Package network joins containers to each other, to the world, and to ports of the
// host. It knows of a container no more than its id, its names, and its network
// namespace.
//
// # What there is
//
// A network is a bridge, which is the gateway of a subnet. A container in it has one end
// of a cable (a pair of veth links), and the bridge the other. Rules of the kernel's
// packet filter say who may send to whom, have what leaves for the world go with the
// host's address, and have what is sent to a published port go to its container.
//
//	ROOT/networks/NAME.json             a network; what it is to the kernel follows from this
//	ROOT/networks/.lock                 held while networks are made and removed
//	RUN/networks/BOOT/ID/lock           held while containers come to a network and leave it
//	RUN/networks/BOOT/ID/addresses      which of its addresses are taken, and by whom
//	RUN/networks/BOOT/ID/endpoints/*    the containers that are in it
//	RUN/networks/BOOT/rules             which rules were applied last; the lock of all rules
//	RUN/networks/BOOT/names             the lock of all files of hosts
//	RUN/networks/BOOT/forwarding        is there if it is we who have made a router of the host
//
// BOOT is the id of the boot. No container and no rule outlives one, so nothing that is
// written down of them must: after a boot, what the folder of another one holds is never
// read, and it is removed.
//
// Locks are taken in the order of this list.
//
// # Who is dead
//
// An address, a port and a name belong to a container. Whether it lives is asked of the
// package's owner (Options.Alive), who knows it by a lock that the kernel releases when
// its holder dies. So nobody has to clean up after whoever is killed. Its cable goes with
// its namespace. It is in no file of hosts that is written later, and in no rules that
// are applied later. Its address is taken from it when all are taken, or that one is
// wanted; and before that, what was published at that address is gone. Its ports were
// held by sockets, which have gone with the process that had them.
//
// # Why rules are replaced, and not added
//
// Whenever anything changes, all of our rules are made anew from the records, as one
// transaction in a table of our own, or with iptables in chains of our own. So there is
// one way to add them, to remove them, to repair them after a firewall has flushed them,
// and to change the backend, and nothing can be there twice. The kernel counts the
// changes of its rules; as long as the count is what it was after our last one, nobody
// has touched them and there is nothing to do, which is the case for most containers.
//
// # Why names are in files, and not with a resolver
//
// Containers find each other by /etc/hosts. Other tools give each container a resolver
// of its own, at 127.0.0.11. It would have to be in the process that watches a container:
//
//   - When that dies, no name could be looked up any more, not even one of the world.
//     A file needs nobody.
//   - It would have to take port 53 of the container's loopback, which a name server in
//     the container wants itself, or rules in each container's namespace that turn
//     packets away from it.
//   - It would have to forward all other questions, over UDP and TCP, with all
//     extensions: much that can go wrong, at a place that everything depends on, and
//     each answer is one more way from the outside into a process with all rights.
//   - A file is read by every C library, by Go, by programs that are linked statically,
//     and by a person who wonders.
//
// What a file cannot do: it has no records but addresses, and no wildcards; a program that
// has its own way to ask servers, and looks at no file, finds nobody; and each container
// that comes writes to as many files as there are containers in its networks. That is
// 20 µs each, and for some hundred of them less than the rest of the work. Names follow
// addresses at once: a container that is started again has a new line everywhere before
// its program runs. The files are written in place, since they are mounted; see
// replaceHosts.
//
// # What is not here
//
// Networks have IPv4 addresses only. The links of containers have no IPv6 at all, so that
// nobody waits for one; but the loopback has ::1.
package network
