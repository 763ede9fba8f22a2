//go:build !cgo

package runtime

const canEnter = false

func hasEntered() bool { return false }
