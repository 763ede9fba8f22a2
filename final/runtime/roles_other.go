//go:build !cgo

package runtime

const hasRoles = false

func roleTaken() bool { return false }
