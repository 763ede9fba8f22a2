//go:build cgo

package runtime

// #include "enter.h"
import "C"

// canEnter says whether this program has the constructor of enter.c.
const canEnter = true

// hasEntered reports whether the constructor has brought this process into a
// container.
func hasEntered() bool { return C.entered == 1 }
