package runtime

import "github.com/opencontainers/runtime-spec/specs-go"

// MountRoot mounts the root of a specification at path, for somebody who wants to look
// into it and not to run it. The caller's thread has a mount namespace of its own, whose
// mounts become private.
func MountRoot(root specs.Mount, path string) error { return mountRoot(root, path, nil) }
