package testbed

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Snapshot is what there was at one moment: of the test's own namespaces, of its
// descendants and open files, and of the machine's cgroups.
type Snapshot struct {
	seen map[string]map[string]bool // kind -> things
}

// kinds are the ways to leave something behind, each with what lists all
// things of its kind: what it is, and the command that shows it.
//
// The rules of legacy iptables are not among them: only its own program reads
// them, and on every current distribution iptables means the one on nftables.
var kinds = map[string]func() ([]string, error){
	"mount":        mounts,
	"link":         links,
	"address":      addresses,
	"table":        tables,
	"rule":         rules,
	"cgroup":       cgroups,
	"process":      processes,
	"file":         files,
	"System V IPC": ipcObjects,
	"host name":    hostname,
}

// Take looks at everything now.
func Take() (*Snapshot, error) {
	if err := startPoller(); err != nil {
		return nil, err
	}
	snapshot := &Snapshot{seen: make(map[string]map[string]bool)}
	for kind, list := range kinds {
		things, err := list()
		if err != nil {
			return nil, fmt.Errorf("list for the audit each %s: %w", kind, err)
		}
		snapshot.seen[kind] = make(map[string]bool)
		for _, thing := range things {
			snapshot.seen[kind][thing] = true
		}
	}
	return snapshot, nil
}

// Leaks returns what is there now and was not at the time of the snapshot, as
// "kind: thing", sorted. The kernel removes some things only a moment after
// their last user has gone, so a leak is one that stays for five seconds.
func (s *Snapshot) Leaks() ([]string, error) {
	leaks, err := s.leaks()
	eventually(patient(5*time.Second), func() bool {
		if err != nil || len(leaks) == 0 {
			return true
		}
		var now []string
		now, err = s.leaks()
		leaks = slices.DeleteFunc(leaks, func(leak string) bool { return !slices.Contains(now, leak) })
		return false
	})
	return leaks, err
}

func (s *Snapshot) leaks() ([]string, error) {
	now, err := Take()
	if err != nil {
		return nil, err
	}
	var leaks []string
	for _, kind := range slices.Sorted(maps.Keys(now.seen)) {
		for _, thing := range slices.Sorted(maps.Keys(now.seen[kind])) {
			if !s.seen[kind][thing] {
				leaks = append(leaks, kind+": "+thing)
			}
		}
	}
	return leaks, nil
}
