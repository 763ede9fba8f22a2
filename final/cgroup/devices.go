package cgroup

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// deviceList is what a list of rules comes to: all devices are allowed or none, with
// exceptions. It is the form that version 1 keeps (devices.rst), and both versions
// are given the same.
type deviceList struct {
	allow      bool
	exceptions []device
}

// device is one or more devices, and ways to use them.
type device struct {
	kind         byte // 'b' or 'c'
	major, minor span
	access       uint32 // of the bits of accessBits
}

// span is a number, or all.
type span struct {
	all    bool
	number uint32
}

func (s span) matches(number uint32) bool { return s.all || s.number == number }

func (s span) overlaps(other span) bool { return s.all || other.matches(s.number) }

func (s span) String() string {
	if s.all {
		return "*"
	}
	return strconv.FormatUint(uint64(s.number), 10)
}

// accessBits are the bits that version 2 has for the letters of version 1, in the
// order in which that shows them.
var accessBits = []struct {
	letter string
	bit    uint32
}{{"r", unix.BPF_DEVCG_ACC_READ}, {"w", unix.BPF_DEVCG_ACC_WRITE}, {"m", unix.BPF_DEVCG_ACC_MKNOD}}

// String is the device as version 1 writes it: "c 1:3 rwm".
func (d device) String() string {
	access := ""
	for _, one := range accessBits {
		if d.access&one.bit != 0 {
			access += one.letter
		}
	}
	return fmt.Sprintf("%c %s:%s %s", d.kind, d.major, d.minor, access)
}

// newDeviceList applies rules in their order, to a start where all is allowed. A
// rule that takes away only a part of what a wildcard has given is refused: version 1
// drops it without a word, and what was to be denied would stay allowed.
func newDeviceList(rules []specs.LinuxDeviceCgroup) (*deviceList, error) {
	list := &deviceList{allow: true}
	for _, rule := range rules {
		if rule.Type == "" || rule.Type == "a" {
			if !wildcard(rule.Major) || !wildcard(rule.Minor) || rule.Access != "" && !sameLetters(rule.Access, "rwm") {
				return nil, errors.New("a device rule for all kinds must be for all devices and for all access")
			}
			list.allow, list.exceptions = rule.Allow, nil
			continue
		}
		device, err := newDevice(rule)
		if err != nil {
			return nil, err
		}
		if rule.Allow != list.allow {
			list.except(device)
		} else if err := list.remove(device); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func sameLetters(text, letters string) bool {
	return len(text) == len(letters) && strings.Trim(text, letters) == "" && strings.Trim(letters, text) == ""
}

func wildcard(number *int64) bool { return number == nil || *number == -1 }

func newDevice(rule specs.LinuxDeviceCgroup) (device, error) {
	made := device{kind: rule.Type[0]}
	if rule.Type != "b" && rule.Type != "c" {
		return made, fmt.Errorf("a device rule for the kind %q: there are a, b and c", rule.Type)
	}
	for _, letter := range rule.Access {
		index := strings.IndexRune("rwm", letter)
		if index < 0 {
			return made, fmt.Errorf("a device rule for the access %q: there are r, w and m", rule.Access)
		}
		made.access |= accessBits[index].bit
	}
	if made.access == 0 {
		return made, errors.New("a device rule for no access at all")
	}
	var err error
	if made.major, err = newSpan(rule.Major); err == nil {
		made.minor, err = newSpan(rule.Minor)
	}
	return made, err
}

func newSpan(number *int64) (span, error) {
	if wildcard(number) {
		return span{all: true}, nil
	}
	if *number < 0 || *number >= 1<<32 {
		return span{}, fmt.Errorf("a device rule for the number %d, which no device has", *number)
	}
	return span{number: uint32(*number)}, nil
}

// except adds an exception, to that for the same devices if there is one.
func (l *deviceList) except(added device) {
	for index := range l.exceptions {
		if l.exceptions[index].sameDevices(added) {
			l.exceptions[index].access |= added.access
			return
		}
	}
	l.exceptions = append(l.exceptions, added)
}

func (d device) sameDevices(other device) bool {
	return d.kind == other.kind && d.major == other.major && d.minor == other.minor
}

// remove takes back an exception, or a part of its access.
func (l *deviceList) remove(gone device) error {
	for index := range l.exceptions {
		one := &l.exceptions[index]
		switch {
		case one.sameDevices(gone):
			one.access &^= gone.access
		case one.kind == gone.kind && one.major.overlaps(gone.major) && one.minor.overlaps(gone.minor) && one.access&gone.access != 0:
			return fmt.Errorf("the device rule for %s would take back a part of that for %s, which the kernel cannot do", gone, one)
		}
	}
	l.exceptions = slices.DeleteFunc(l.exceptions, func(one device) bool { return one.access == 0 })
	return nil
}
