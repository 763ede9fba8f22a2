package main

// museumKernel are the guards of the kernel's interfaces.
var museumKernel = []Guard{
	{"settings are read-only", "TestWritingSettingsOfTheKernel", []Edit{
		{"final/engine/spec.go", "spec.Linux.MaskedPaths, spec.Linux.ReadonlyPaths = maskedPaths, readonlyPaths", "spec.Linux.MaskedPaths = maskedPaths"},
	}},
	{"/sys is read-only", "TestWritingSettingsOfTheKernel", []Edit{
		{"final/engine/spec.go", `		system = append(system, "ro")`, `		system = append(system, "rw")`},
	}},
	{"what tells of the host is masked", "TestReadingWhatTellsOfTheHost", []Edit{
		{"final/engine/spec.go", "spec.Linux.MaskedPaths, spec.Linux.ReadonlyPaths = maskedPaths, readonlyPaths", "spec.Linux.ReadonlyPaths = readonlyPaths"},
	}},
	// What the filter forbids goes by the capabilities: one more takes out both.
	{"no capability to unmount", "TestUncoveringWhatIsHidden", []Edit{moreCapabilities("CAP_SYS_ADMIN")}},
	{"a cgroup namespace", "TestCgroupsStartAProgramOfTheHost", []Edit{
		{"final/runtime/init.go", "if os.Getpid() != 1 || !makes(spec, specs.CgroupNamespace) {", "if true || !makes(spec, specs.CgroupNamespace) {"},
	}},
	{"cgroups are read-only", "TestGroupsOfTheContainerAreWritten", []Edit{
		{"final/engine/spec.go", `Type: "cgroup", Source: "cgroup", Options: system})`, `Type: "cgroup", Source: "cgroup", Options: system[:3]})`},
	}},
	{"cgroups begin with the container's own", "TestGroupsOfTheContainerAreWritten", []Edit{
		{"final/runtime/init.go", "if os.Getpid() != 1 || !makes(spec, specs.CgroupNamespace) {", "if true || !makes(spec, specs.CgroupNamespace) {"},
	}},
	{"programs are stopped from becoming root", "TestProgramsThatMakeRoot", []Edit{
		{"final/engine/spec.go", "NoNewPrivileges: !record.Security.AllowNewPrivs && !record.Security.Privileged,", "NoNewPrivileges: false,"},
	}},
	{"the filter of system calls", "TestSystemCallsThatNobodyNeeds", []Edit{
		{"final/engine/seccomp.go", "	return seccomp.Default(granted), nil\n", "	_ = seccomp.Default(granted)\n	return nil, nil\n"},
	}},
	{"what is not known is not there", "TestSystemCallsThatNobodyNeeds", []Edit{
		{"final/seccomp/default.go", "deny(unix.ENOSYS, \"clone3\"),\n", "\n"},
	}},
	{"capabilities without the filter", "TestCapabilitiesStandAlone", []Edit{moreCapabilities("CAP_SYS_ADMIN")}},
	{"sockets of ciphers are shut", "TestSocketsIntoTheKernel", []Edit{
		{"final/seccomp/default.go", "range []uint64{unix.AF_ALG, unix.AF_VSOCK}", "range []uint64{unix.AF_VSOCK}"},
	}},
	{"families have 32 bits", "TestSocketsIntoTheKernel", []Edit{
		{"final/seccomp/default.go", "{Index: 0, Op: specs.OpMaskedEqual, Value: 0xffffffff, ValueTwo: family}", "{Index: 0, Op: specs.OpEqualTo, Value: family}"},
	}},
	{"the filter looks at the architecture", "TestSystemCallsByAnotherDoor", []Edit{
		{"final/seccomp/assemble.go", "jump(unix.BPF_JEQ, native, 1, 0)", "jump(unix.BPF_JEQ, native, 1, 1)"},
	}},
	// Where nobody but who has the capability may read it, this takes out both: the filter
	// goes by the capabilities.
	{"the kernel's log is shut", "TestLogOfTheKernel", []Edit{moreCapabilities("CAP_SYSLOG")}},
	{"a session keyring of its own", "TestKeysOfTheHost", []Edit{
		{"final/runtime/capabilities.go", "	if err := leaveSessionKeyring(); err != nil {\n		return err\n	}\n", ""},
		{"final/runtime/capabilities.go", "func leaveSessionKeyring()", "func _()"},
	}},
	{"keys are shut", "TestKeysOfTheHost", []Edit{
		{"final/seccomp/default.go", `"kexec_load", "keyctl", "migrate_pages"`, `"kexec_load", "migrate_pages"`},
	}},
	{"a session of its own", "TestTypingIntoTheOperatorsTerminal", []Edit{
		{"final/runtime/prepare.go", "			Setsid:     true, // away", "			// away"},
	}},
	{"a session of exec's own", "TestTypingIntoTheOperatorsTerminal", []Edit{
		{"final/runtime/exec.go", "Pdeathsig: syscall.SIGKILL, Setsid: true}", "Pdeathsig: syscall.SIGKILL}"},
		{"final/runtime/enter.c", "	if (setsid() < 0)\n", "	if (0)\n"},
	}},
	// The kernel itself refuses pivot_root(2) where the root is shared. Volumes that are taken
	// before all is private still are.
	{"mounts are private before others are taken from them", "TestMountsThatReachTheHost", []Edit{
		{"final/runtime/init.go", "	} else if err = mountRoot(root, path, log); err == nil {\n		sources, err = openSources(others, path, log)\n	}\n", "	} else if sources, err = openSources(others, path, log); err == nil {\n		err = mountRoot(root, path, log)\n	}\n"},
	}},
	{"pivot_root(2)", "TestRootOfTheHostIsStillThere", []Edit{chroot, keepRoot}},
	{"the host's root is let go", "TestRootOfTheHostIsStillThere", []Edit{keepRoot}},
	{"a read-only volume is so as a whole", "TestReadOnlyVolumeIsWritten", []Edit{
		{"final/runtime/mounts.go", "if err := restrict(tree, flags, true); err != nil {", "if err := restrict(tree, flags, false); err != nil {"},
	}},
	{"2048 processes", "TestTakingTheWholeMachine", []Edit{
		{"final/engine/create.go", "		r.Limits.Pids = DefaultPids\n", "		r.Limits.Pids = -1\n"},
	}},
	{"memory has a size", "TestTakingTheWholeMachine", []Edit{
		{"final/engine/spec.go", `"mode=755", "size=65536k"`, `"mode=755"`},
	}},
	{"hard limits are lowered", "TestRaisingOnesOwnLimits", []Edit{
		{"final/runtime/limits.go", "		value := &unix.Rlimit{Cur: limit.Soft, Max: limit.Hard}\n", "		value := new(unix.Rlimit)\n		if err := unix.Prlimit(0, resources[limit.Type], nil, value); err != nil {\n			return err\n		}\n		value.Cur = limit.Soft\n"},
	}},
}

var (
	chroot   = Edit{"final/runtime/rootfs.go", `unix.PivotRoot(".", ".")`, `unix.Chroot(".")`}
	keepRoot = Edit{"final/runtime/rootfs.go", `unix.Unmount(".", unix.MNT_DETACH)`, "error(nil)"}
)

// museumRights are the guards of capabilities and users.
var museumRights = []Guard{
	{"eleven capabilities", "TestMoreCapabilitiesThanAProgramNeeds", []Edit{moreCapabilities("CAP_NET_RAW")}},
	// By execve(2) all others lose what they are left with, unless it is ambient.
	{"no capabilities for others than root", "TestMoreCapabilitiesThanAProgramNeeds", []Edit{
		{"final/engine/spec.go", "process.Capabilities.Effective, process.Capabilities.Permitted = nil, nil", "process.Capabilities.Inheritable, process.Capabilities.Ambient = granted, granted"},
	}},
	{"no inheritable capabilities", "TestInheritedCapabilities", []Edit{
		{"final/engine/spec.go", "Bounding: granted, Effective: granted, Permitted: granted,", "Bounding: granted, Effective: granted, Permitted: granted, Inheritable: granted,"},
	}},
	{"who is not found is not root", "TestUserThatIsTakenForRoot", []Edit{
		{"final/engine/account.go", "		return nil, fmt.Errorf(\"find the user %q in the container: %w\", name, err)\n", "		account = &user.ExecUser{Home: \"/\"}\n"},
	}},
	{"exec is who it is asked to be", "TestUserThatIsTakenForRoot", []Edit{
		{"final/engine/exec.go", "or(options.User, record.User)", "record.User"},
	}},
	{"setgroups(2)", "TestGroupsOfTheCaller", []Edit{
		{"final/runtime/capabilities.go", "unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(unsafe.SliceData(groups))), 0)", "unix.RawSyscall(unix.SYS_GETPPID, uintptr(len(groups)), uintptr(unsafe.Pointer(unsafe.SliceData(groups))), 0)"},
	}},
	{"the first group is among the others", "TestGroupsOfTheCaller", []Edit{
		{"final/engine/spec.go", "range append([]int{account.Gid}, account.Sgids...) {", "range account.Sgids {"},
	}},
	{"standard input is the container's own", "TestNullOfTheHostChangesItsOwner", []Edit{
		{"final/runtime/init.go", "		return openNull()\n", "		_ = openNull\n		return nil\n"},
	}},
}
