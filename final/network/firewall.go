package network

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// firewall is what the rules are given to.
type firewall interface {
	// apply makes rules all that there is of ours, at once: what was there before
	// and is not among them is gone. It is done as often as one likes. Without
	// rules, nothing of ours is left. It returns how many generations of the
	// host's rules that has taken.
	apply(rules []rule) (uint32, error)
	// has reports whether these rules seem to be all that there is of ours.
	has(rules []rule) (bool, error)
}

// The backends.
const (
	iptablesBackend = "iptables"
	nftablesBackend = "nftables"
)

// The file rules is the lock of the rules, and says when they were applied last: by
// which backend, and which generation of all rules of the host that was (nft monitor).
// If the host has another generation now, somebody has changed something, and ours are
// applied anew; which costs less than to look whether they are all there. It is empty
// while nobody knows.
func (n *Networks) rulesPath() string { return filepath.Join(n.run, "rules") }

// change changes the records by which the rules are made. Nobody applies rules meanwhile,
// and from then on they are not trusted: whoever is killed between the records and the
// rules is no harm, the next one applies them.
func (n *Networks) change(records func() error) error {
	lock, err := lockFile(n.rulesPath())
	if err != nil {
		return err
	}
	defer lock.Close()
	backend, _ := readStamp(lock)
	if err := writeStamp(lock, backend, 0); err != nil {
		return err
	}
	return records()
}

// settleRules writes rules that somebody was killed before. That nobody was, it learns
// from a small file.
func (n *Networks) settleRules() error {
	file, err := os.Open(n.rulesPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil // there have been none since the machine was started
	}
	if err != nil {
		return fmt.Errorf("read which rules there are: %w", err)
	}
	backend, applied := readStamp(file)
	file.Close()
	if backend == "" || applied != 0 {
		return nil
	}
	return n.ensureRules()
}

// ensureRules has the rules be what the records say.
func (n *Networks) ensureRules() error { return n.applyRules(false) }

// applyRules does it even if the rules seem to be there, if again says so; and then it
// asks anew which backend suits the host.
func (n *Networks) applyRules(again bool) error {
	lock, err := lockFile(n.rulesPath())
	if err != nil {
		return err
	}
	defer lock.Close()
	backend, applied := readStamp(lock)
	before, counted := generation()
	if !again && counted && applied != 0 && applied == before {
		return nil
	}
	chosen := backend
	if again || chosen == "" {
		if chosen, err = n.choose(); err != nil {
			return err
		}
	}
	rules, err := n.wantedRules()
	if err != nil {
		return err
	}
	if backend != "" && backend != chosen {
		if _, err := n.firewall(backend).apply(nil); err != nil {
			return err
		}
	}
	if err := writeStamp(lock, chosen, 0); err != nil {
		return err
	}
	before, _ = generation()
	own, err := n.firewall(chosen).apply(rules)
	if err != nil {
		return err
	}
	// More than our own is somebody else, too.
	if after, counted := generation(); counted && after == before+own {
		return writeStamp(lock, chosen, after)
	}
	return nil
}

// wantedRules are those that the records ask for. Nothing is published for the dead.
func (n *Networks) wantedRules() ([]rule, error) {
	networks, err := n.records()
	if err != nil || len(networks) == 0 {
		return nil, err
	}
	all, err := n.endpoints()
	if err != nil {
		return nil, err
	}
	var living []*Endpoint
	for _, endpoint := range all {
		if len(endpoint.Ports) > 0 && n.alive(endpoint.ContainerID) {
			living = append(living, endpoint)
		}
	}
	return rulesOf(networks, living, n.openedForwarding()), nil
}

func (n *Networks) firewall(backend string) firewall {
	if backend == iptablesBackend {
		return &iptables{tag: n.tag, log: n.log}
	}
	return &netfilter{tag: n.tag, log: n.log}
}

// choose returns the backend that suits the host: iptables, if the host has rules of
// that, so that an administrator finds all in one place, and ours can let pass what
// those would drop; and else nftables, which needs no program.
func (n *Networks) choose() (string, error) {
	_, hasNFTables := generation()
	program, _ := findProgram("iptables-restore")
	switch {
	case n.backend != "":
		return n.backend, nil
	case program != "" && iptablesUsed():
		return iptablesBackend, nil
	case hasNFTables:
		return nftablesBackend, nil
	case program != "":
		return iptablesBackend, nil
	default:
		return "", errors.New("the kernel has no nftables, and there is no program iptables-restore: install iptables")
	}
}

func readStamp(file *os.File) (backend string, generation uint32) {
	content := make([]byte, 64)
	length, _ := file.ReadAt(content, 0) // what cannot be read is not known
	backend, number, _ := strings.Cut(strings.TrimSpace(string(content[:length])), " ")
	if backend != iptablesBackend && backend != nftablesBackend {
		return "", 0
	}
	parsed, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		return backend, 0
	}
	return backend, uint32(parsed)
}

func writeStamp(file *os.File, backend string, generation uint32) error {
	err := file.Truncate(0)
	if err == nil && backend != "" {
		_, err = file.WriteAt(fmt.Appendf(nil, "%s %d\n", backend, generation), 0)
	}
	if err != nil {
		return fmt.Errorf("write down which rules there are: %w", err)
	}
	return nil
}
