//go:build !amd64 && !arm64

package seccomp

const (
	native     = 0
	nativeName = ""
	foreign    = 0
	table      = "" // no call has a name, so every profile is refused
)
