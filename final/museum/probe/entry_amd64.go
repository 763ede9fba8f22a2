package main

// oldEntry is getpid(2) by the way into the kernel that programs of 32 bits take: its
// numbers are other ones, and a filter that does not look at the architecture takes
// them for its own.
func oldEntry() int64
