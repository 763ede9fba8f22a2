package main

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"
)

// addRules adds the rules that are not there yet: all of them or, on an error, none.
func addRules(rules []rule) (err error) {
	var added []rule
	defer func() {
		if err != nil {
			err = errors.Join(err, removeRules(added))
		}
	}()
	for _, rule := range rules {
		there, err := rule.exists()
		if err != nil {
			return err
		}
		if there {
			continue
		}
		logrus.Debugf("run: iptables %s", strings.Join(rule, " "))
		if err := iptables(rule); err != nil {
			return err
		}
		added = append(added, rule)
	}
	return nil
}

// removeRules removes the rules that are there still.
func removeRules(rules []rule) error {
	for _, rule := range slices.Backward(rules) {
		there, err := rule.exists()
		if err != nil {
			return err
		}
		if !there {
			continue
		}
		logrus.Debugf("run: iptables %s", strings.Join(rule.with("-D"), " "))
		if err := iptables(rule.with("-D")); err != nil {
			return err
		}
	}
	return nil
}

// exists asks whether a rule is there. To `iptables -C` one that is not is an error
// with the status 1.
func (r rule) exists() (bool, error) {
	err := iptables(r.with("-C"))
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == 1 {
		return false, nil
	}
	return err == nil, err
}

// with returns the rule with another action than to add it.
func (r rule) with(action string) rule {
	changed := slices.Clone(r)
	changed[2] = action
	return changed
}

// iptables has the program of this name do something with a rule. It waits for
// others who are changing the rules (-w).
//
// The kernel has no call for a rule: it takes a list of them, in a form that only
// this program knows, or that of nftables (nft(8)).
func iptables(arguments rule) error {
	//nolint:forbidigo // the rules are what it is the interface of; its arguments are ours, and no shell sees them
	command := exec.Command("iptables", append([]string{"-w"}, arguments...)...)
	var message bytes.Buffer
	command.Stderr = &message
	if err := command.Run(); err != nil {
		return fmt.Errorf("iptables %s: %w: %s", strings.Join(arguments, " "), err, oneLine(message.String()))
	}
	return nil
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
