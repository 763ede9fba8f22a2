//go:build cgo && netgo && osusergo

package runtime

// Where nothing else needs libc (these are the tags by which packages net and
// os/user do not) the program is linked statically: without a dynamic loader it
// starts in about half of the time.

// #cgo LDFLAGS: -static
import "C"
