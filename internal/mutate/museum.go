package main

// museumSetUp are the guards of set-up and helpers.
var museumSetUp = []Guard{
	{"an error ends init", "TestSetUpThatFailsRunsNothing", []Edit{
		{"final/runtime/mounts.go", "		if err != nil {\n			return fmt.Errorf(\"mount %s: %w\", mount", "		if false {\n			return fmt.Errorf(\"mount %s: %w\", mount"},
	}},
	{"mount points are ordinary folders", "TestSetUpThatFailsRunsNothing", []Edit{
		{"final/runtime/mounts.go", "} else if !info.IsDir() {\n		return errors.New(\"the image", "} else if info == nil {\n		return errors.New(\"the image"},
	}},
	{"the old root is in no folder of the image", "TestSetUpThatFailsRunsNothing", []Edit{
		{"final/runtime/rootfs.go", `if err := unix.PivotRoot(".", "."); err != nil {`, `if err := errors.Join(unix.Mkdir(".pivot_root", 0o700), unix.PivotRoot(".", ".pivot_root")); err != nil {`},
		{"final/runtime/rootfs.go", `unix.Unmount(".", unix.MNT_DETACH)`, `unix.Unmount("/.pivot_root", unix.MNT_DETACH)`},
	}},
	{"a process is known by its start time and the boot", "TestExecIntoAProcessThatIsNotTheContainer", []Edit{withoutIdentity}},
	{"our own namespaces are refused", "TestExecIntoAProcessThatIsNotTheContainer", []Edit{
		{"final/runtime/exec.go", `if name != "user" && ours == theirs {`, `if name != "user" && ours == theirs && false {`},
	}},
	{"a container runs when its program does", "TestExecIntoAContainerThatIsBeingMade", []Edit{
		{"final/engine/state.go", "if err == nil && !found.Runs && !found.Program.hasBecomeProgram() {", "if false {"},
	}},
	{"our own root is refused, where nobody knows better", "TestExecIntoAContainerThatIsBeingMade", []Edit{
		{"final/engine/state.go", "if err == nil && !found.Runs && !found.Program.hasBecomeProgram() {", "if false {"},
		{"final/engine/copy.go", "if container.Status == Running || container.Status == Paused {", "if false {"},
		{"final/runtime/exec.go", "if os.SameFile(ours, theirs) {", "if os.SameFile(ours, theirs) && false {"},
	}},
	// Nothing of the container is known where a helper is born: to forget that it must not be
	// takes some words.
	{"helpers have an environment of their own", "TestEnvironmentOfTheContainerReachesNoHelper", []Edit{
		{"final/runtime/container.go", "	user            specs.User    // who its program is, of these\n", "	user            specs.User    // who its program is, of these\n	env []string\n"},
		{"final/runtime/container.go", `watched([]string{"GOMAXPROCS=1", "GOGC=off"}, `, `watched(append([]string{"GOMAXPROCS=1", "GOGC=off"}, birth.env...), `},
		{"final/runtime/start.go", "needed := birthOf(options, spec.Process.Terminal, cloneFlags(spec))\n	if options.Prepared.fits(spec, needed) {", "needed := birthOf(options, spec.Process.Terminal, cloneFlags(spec))\n	needed.env = spec.Process.Env\n	if false {"},
		{"final/runtime/exec.go", "own: own, user: process.User,", "own: own, user: process.User, env: process.Env,"},
	}},
	{"words stay apart", "TestWordsAreNoShellLine", []Edit{
		{"final/runtime/execute.go", "syscall.Exec(path, process.Args, process.Env)", `syscall.Exec(path, strings.Fields(strings.Join(process.Args, " ")), process.Env)`},
	}},
	{"exec is born in the container's cgroup", "TestExecHasNoMoreThanRun", []Edit{
		{"final/engine/exec.go", "Cgroup: cgroupName(container.ID), ", ""},
	}},
	{"exec has the container's filter", "TestExecHasNoMoreThanRun", []Edit{
		{"final/engine/exec.go", "Seccomp: filter, Log", "Log"},
		{"final/engine/exec.go", "filter, err := seccompOf(&security)", "_, err = seccompOf(&security)"},
	}},
	{"the environment is made anew", "TestEnvironmentOfTheHostStaysOutside", []Edit{
		{"final/engine/environment.go", `variables := []string{"PATH=" + defaultPath, "HOSTNAME=" + record.Hostname}`, `variables := append(os.Environ(), "PATH="+defaultPath, "HOSTNAME="+record.Hostname)`},
	}},
	// What is between looking for a free address and taking it is short: the pause has all
	// that come look before one of them takes.
	{"addresses are given under a lock", "TestAddressIsOneContainers", []Edit{
		{"final/network/lock.go", "err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)", "err := error(nil)"},
		{"final/network/addresses.go", "	if err := a.take(index, owner); err != nil {\n		return netip.Addr{}, err\n", "	time.Sleep(time.Second)\n	if err := a.take(index, owner); err != nil {\n		return netip.Addr{}, err\n"},
		{"final/network/addresses.go", "	\"net/netip\"\n", "	\"net/netip\"\n	\"time\"\n"},
	}},
	{"an address that is given is taken", "TestAddressIsOneContainers", []Edit{
		{"final/network/bitmap.go", "	return a.markFull(0, index)\n", "	return nil\n"},
		{"final/network/addresses.go", "return addressAt(a.subnet, index), a.write(cursorAt, uint64(index)+1)", "return addressAt(a.subnet, index), nil"},
	}},
}

var withoutIdentity = Edit{"final/engine/process.go", "now.StartTime != p.StartTime || now.BootID != p.BootID", "now.StartTime == 0"}

// museumBorrowed are the guards of what is borrowed from the host.
var museumBorrowed = []Guard{
	{"our program is on a read-only mount", "TestOverwritingTheRuntimesBinary", []Edit{
		{"final/runtime/self.go", "unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV, true", "unix.MS_NOSUID|unix.MS_NODEV, true"},
	}},
	{"the reaper is not dumpable", "TestOverwritingTheRuntimesBinary", []Edit{
		{"final/runtime/reaper.c", "if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)", "if (0)"},
	}},
	{"programs are opened without the links of /proc", "TestRunningTheRuntimesBinary", []Edit{withoutMagicLinks}},
	// Files are closed twice: when init is born, and when the program is.
	{"files of the caller are closed", "TestFilesThatTheCallerLeavesOpen", []Edit{
		{"final/runtime/container.go", "if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {", "if err := error(nil); err != nil || math.MaxUint32 < 0 {"},
		{"final/runtime/execute.go", "if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {", "if err := error(nil); err != nil || math.MaxUint32 < 0 {"},
	}},
	// What is opened by a link of /proc would be found to be outside by getcwd(2).
	{"the working folder is inside", "TestWorkingFolderByWayOfAnOpenFile", []Edit{
		withoutMagicLinks,
		{"final/runtime/execute.go", "if err != nil || length == 0 || buffer[0] != '/' {", "if err != nil || length == 0 {"},
	}},
	{"who joins is not dumpable", "TestSpyingOnExec", []Edit{
		{"final/runtime/enter.c", "if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)", "if (0)"},
	}},
	// There is nothing to take out: this runs a program of the image.
	{"no program is run but the user's", "TestNothingOfTheImageIsRunForUs", []Edit{
		{"final/runtime/execute.go", "	\"os\"\n", "	\"os\"\n	\"os/exec\"\n"},
		{"final/runtime/execute.go", "	setUmask(process.User, log)\n", "	_ = exec.Command(\"/usr/local/bin/id\").Run()\n	setUmask(process.User, log)\n"},
	}},
	{"signals go to the process that was recorded", "TestKillingAProcessOfTheHost", []Edit{withoutIdentity}},
	{"the watcher's socket is a file", "TestOrdersToTheWatcherOfAContainer", []Edit{
		{"final/engine/clients.go", `net.Listen("unix", short)`, `net.Listen("unix", "@"+filepath.Base(filepath.Dir(path)))`},
		{"final/engine/clients.go", "return os.Chmod(short, 0o600)", "return nil"},
	}},
	{"the watcher's socket is for root", "TestOrdersToTheWatcherOfAContainer", []Edit{
		{"final/engine/clients.go", "return os.Chmod(short, 0o600)", "return nil"},
	}},
}

var withoutMagicLinks = Edit{"final/runtime/execute.go", "Flags: flags | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_MAGICLINKS}", "Flags: flags | unix.O_CLOEXEC}"}
