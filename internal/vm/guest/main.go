// Command guest is the first program of an emulated machine: it loads modules,
// mounts what a machine has mounted, runs the tests it was ordered to run, reports
// what they print and how they end, and restarts the machine, which ends it.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"mytinydocker/internal/vm/wire"
)

func main() {
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "guest: only for the first program of an emulated machine")
		os.Exit(1)
	}
	if err := guest(); err != nil {
		// The console shows it, should the line for reports not be there.
		fmt.Fprintln(os.Stderr, "guest:", err)
	}
	err := unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)
	fmt.Fprintln(os.Stderr, "guest: restart:", err) // and the kernel panics, since its first program ends
}

func guest() error {
	if err := enterRoot(); err != nil {
		return err
	}
	line, err := openLine()
	if err != nil {
		return err
	}
	defer line.drain()
	if err := follow(line); err != nil {
		return line.fail(err)
	}
	return line.send(wire.Report{Kind: wire.Done})
}

func follow(line *reports) error {
	var orders wire.Orders
	content, err := os.ReadFile(wire.OrdersFile)
	if err != nil {
		return fmt.Errorf("read the orders: %w", err)
	}
	if err := json.Unmarshal(content, &orders); err != nil {
		return fmt.Errorf("read the orders: %w", err)
	}
	if err := loadModules(orders.Modules); err != nil {
		return err
	}
	if err := mountDisk(orders.Format); err != nil {
		return err
	}
	if err := mountCgroups(orders.Cgroups); err != nil {
		return err
	}
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return fmt.Errorf("ask for the kernel's release: %w", err)
	}
	if err := line.send(wire.Report{Kind: wire.Booted, Text: unix.ByteSliceToString(name.Release[:])}); err != nil {
		return err
	}
	go line.beat()
	for _, test := range orders.Tests {
		if err := run(test, orders.Environment, line); err != nil {
			return fmt.Errorf("run the tests of %s: %w", test.Package, err)
		}
	}
	return nil
}
