package main

import (
	"fmt"
	"os/exec"
)

// How much of something a start is measured beside, besides the one of it that is there
// anyway.
const (
	moreLayers   = 100
	moreNetworks = 100
	morePorts    = 100
)

// start is what grows, or does not.
func (b *bench) start(image string) *exec.Cmd { return b.tinydocker("run", "--rm", image, "true") }

// layers are those of an image.
func (b *bench) layers() ([]contender, func() error, error) {
	image := "base"
	for layer := range moreLayers {
		next := fmt.Sprint("layers:", layer)
		for _, command := range []*exec.Cmd{
			b.tinydocker("run", "--name", "layers", "--network", "none", image, "touch", fmt.Sprint("/layer", layer)),
			b.tinydocker("commit", "layers", next), b.tinydocker("rm", "layers"),
		} {
			if err := do(command); err != nil {
				return nil, nil, err
			}
		}
		image = next
	}
	one, many := fmt.Sprint("with ", 1), fmt.Sprint("with ", 1+moreLayers)
	return []contender{
		timed(many, func() *exec.Cmd { return b.start(image) }), timed(one, func() *exec.Cmd { return b.start("base") }),
	}, nothing, nil
}

// networks are such in which nobody is.
func (b *bench) networks() ([]contender, func() error, error) {
	var names []string
	for index := range moreNetworks {
		names = append(names, fmt.Sprint("network", index))
	}
	return b.grown(moreNetworks, func() error {
		for _, name := range names {
			if err := do(b.tinydocker("network", "create", name)); err != nil {
				return err
			}
		}
		return nil
	}, b.tinydocker(append([]string{"network", "rm"}, names...)...), func() *exec.Cmd { return b.start("base") })
}

// ports are published by one container, and each start publishes one more.
func (b *bench) ports() ([]contender, func() error, error) {
	holder := b.tinydocker("run", "-d", "--name", "ports", "-p", fmt.Sprintf("127.0.0.1:20000-%d:20000-%[1]d", 20000+morePorts-1), "base", "sleep", "1h")
	return b.grown(morePorts, func() error { return do(holder) }, b.tinydocker("rm", "-f", "ports"),
		func() *exec.Cmd { return b.tinydocker("run", "--rm", "-p", "127.0.0.1:18080:80", "base", "true") })
}

// grown takes its samples by itself, before and after something has grown: both states
// cannot be there in turn.
func (b *bench) grown(by int, grow func() error, undo *exec.Cmd, command func() *exec.Cmd) ([]contender, func() error, error) {
	name := func(count int) string { return fmt.Sprint("with ", count) }
	before, err := interleave([]contender{timed(name(1), command)}, b.samples)
	if err != nil {
		return nil, nil, err
	}
	if err := grow(); err != nil {
		return nil, nil, err
	}
	after, err := interleave([]contender{timed(name(1+by), command)}, b.samples)
	if err != nil {
		return nil, nil, err
	}
	return []contender{sampled(name(1+by), after[name(1+by)]), sampled(name(1), before[name(1)])}, func() error { return do(undo) }, nil
}
