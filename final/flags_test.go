package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

// What a flag of run does, as the program inside sees it.
func TestFlagsOfRunDoWhatTheySay(t *testing.T) {
	host := newHost(t)
	for name, test := range map[string]struct{ flags, program, want string }{
		"read-only":         {"--read-only", "echo x >/x 2>/dev/null || echo refused", "refused"},
		"tmpfs on it":       {"--read-only --tmpfs /tmp", "echo x >/tmp/x && cat /tmp/x", "x"},
		"tmpfs size":        {"--tmpfs /t:size=64k,mode=700", "stat -c %a /t; dd if=/dev/zero of=/t/x bs=1k count=100 2>/dev/null || echo full", "700\nfull"},
		"shm size":          {"--shm-size 1m", "grep ' /dev/shm ' /proc/mounts | grep -o size=1024k", "size=1024k"},
		"user":              {"-u 12:34", "id -u; id -g", "12\n34"},
		"user by name":      {"-u nobody", "id -un", "nobody"},
		"groups":            {"-u 12:34 --group-add 56 --group-add nogroup", "grep Groups /proc/self/status", "Groups:\t34 56 65534 "},
		"workdir is made":   {"-w /new/folder", "pwd", "/new/folder"},
		"ulimit":            {"--ulimit nproc=123:456", "grep 'Max processes' /proc/self/limits | tr -s ' '", "Max processes 123 456 processes "},
		"sysctl":            {"--sysctl kernel.shmmni=77 --sysctl net.ipv4.ip_default_ttl=33", "cat /proc/sys/kernel/shmmni /proc/sys/net/ipv4/ip_default_ttl", "77\n33"},
		"sysctl alone":      {"--network none --sysctl net.ipv4.ip_default_ttl=33", "cat /proc/sys/net/ipv4/ip_default_ttl", "33"},
		"capabilities":      {"", "grep CapEff /proc/self/status", "CapEff:\t00000000800405fb"},
		"cap-add":           {"--cap-add NET_RAW", "grep CapEff /proc/self/status", "CapEff:\t00000000800425fb"},
		"cap-drop":          {"--cap-drop CAP_CHOWN", "grep CapEff /proc/self/status", "CapEff:\t00000000800405fa"},
		"cap-drop all":      {"--cap-drop all --cap-add chown", "grep CapEff /proc/self/status", "CapEff:\t0000000000000001"},
		"none for others":   {"-u 5", "grep -E 'Cap(Eff|Prm|Inh|Amb)' /proc/self/status | sort -u -k2 | tail -1 | cut -f2", "0000000000000000"},
		"no new privileges": {"", "grep NoNewPrivs /proc/self/status", "NoNewPrivs:\t1"},
		"new privileges":    {"--security-opt no-new-privileges=false", "grep NoNewPrivs /proc/self/status", "NoNewPrivs:\t0"},
		"device":            {"--device /dev/zero:/dev/nothing:r", "head -c 3 /dev/nothing | wc -c", "3"},
		"privileged":        {"--privileged", "grep NoNewPrivs /proc/self/status; echo 1 >/proc/sys/net/ipv4/ip_forward && echo written", "NoNewPrivs:\t0\nwritten"},
		"init":              {"--init", `tr '\0' ' ' </proc/1/cmdline | cut -d' ' -f1; echo $(($$ > 1))`, "tinydocker\n1"},
		"seccomp":           {"", "grep Seccomp: /proc/self/status; unshare -U true 2>/dev/null || echo refused", "Seccomp:\t2\nrefused"},
		"no seccomp":        {"--security-opt seccomp=unconfined", "grep Seccomp: /proc/self/status", "Seccomp:\t0"},
		"cgroup namespace":  {"", "cut -d: -f3 /proc/self/cgroup | sort -u", "/"},
		"ping":              {"-u 5", "ping -c1 127.0.0.1 >/dev/null && echo answered", "answered"},
		"low ports":         {"-u 5", "cat /proc/sys/net/ipv4/ip_unprivileged_port_start", "0"},
		"loopback":          {"", "cat /sys/class/net/lo/flags", "0x9"},
		"cpus":              {"--cpus 0.5", "true", ""},
		"memory swap":       {"-m 64m --memory-swap -1 --memory-reservation 32m --cpu-shares 512 --cpuset-cpus 0", "true", ""},
	} {
		t.Run(name, func(t *testing.T) {
			args := append(append([]string{"run", "--rm"}, strings.Fields(test.flags)...), "base", "sh", "-c", test.program)

			result := host.tinydocker(args...)

			require.Zero(t, result.Code, result.Stderr)
			require.Equal(t, test.want, strings.TrimSuffix(result.Stdout, "\n"))
		})
	}
	host.requireNothingLeft()
}

func TestFlagsThatAreRefused(t *testing.T) {
	host := newHost(t)
	for _, flags := range []string{
		"--cap-add NOSUCH", "--cap-drop 99", "--sysctl kernel.panic=1", "--network host --sysctl net.ipv4.ip_forward=1", "--sysctl vm.swappiness=1", "--device /dev/nosuch", "--device /dev/../etc/passwd",
		"--group-add nosuch", "-u 99999999999", "-u -1", "--cpuset-cpus 4096", "--cpuset-cpus x", "-w relative",
	} {
		t.Run(flags, func(t *testing.T) {
			require.NotEmpty(t, host.refused(125, append(append([]string{"run"}, strings.Fields(flags)...), "base", "true")...))
			host.requireNothingLeft()
		})
	}
}

func TestInitReapsAndPassesSignalsOn(t *testing.T) {
	host := newHost(t)
	name := host.detached([]string{"--init"}, "sh", "-c", patient)
	host.ready(name)
	host.ok("stop", name)
	require.Contains(t, host.status(name), "Exited (7)")

	orphaned := host.detached([]string{"--init"}, "sh", "-c", "sh -c 'sleep 0.01 & exit' ; echo ready; exec sleep 1000")
	host.ready(orphaned)
	testbed.Eventually(t, "the orphan is reaped", func() bool { return strings.Count(host.ok("top", orphaned), "\n") == 2 })
}

func TestHostOwnsWhatTheContainerDoesNot(t *testing.T) {
	host := newHost(t)
	name, err := os.Hostname()
	require.NoError(t, err)

	require.NotEqual(t, name, host.ok("run", "--rm", "base", "hostname"))
	again, err := os.Hostname()
	require.NoError(t, err)
	require.Equal(t, name, again)
}
