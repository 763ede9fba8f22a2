package main

var chapter1 = []Mutant{
	{"no UTS namespace", "run.go", "syscall.CLONE_NEWUTS | ", "", "TestEachNamespaceIsNew|TestHostnameIsTheContainersOwn"},
	{"no PID namespace", "run.go", "syscall.CLONE_NEWPID | ", "", "TestProgramIsPID1|TestEachNamespaceIsNew"},
	{"no network namespace", "run.go", "syscall.CLONE_NEWNET | ", "", "TestEachNamespaceIsNew|TestNetworkHasOnlyItsOwnLoopback"},
	{"no IPC namespace", "run.go", " | syscall.CLONE_NEWIPC", "", "TestMessageQueueOfTheHostIsNotSeen"},
	{"the container outlives its parent", "run.go", "Pdeathsig: syscall.SIGKILL,", "", "TestContainerDiesWithItsParent"},
	{"in the process group of its parent", "run.go", "Setpgid:   true,", "Setpgid:   false,", "TestSignalForOurGroupIsNotTheContainers"},
	{"environment leaked", "run.go", "parent.Env = []string{", "parent.Env = []string{os.Environ()[0], ", "TestEnvironmentOfTheHostStaysOutside"},
	{"errors on the standard output", "run.go", "parent.Stdout, parent.Stderr = os.Stdout, os.Stderr", "parent.Stdout, parent.Stderr = os.Stdout, os.Stdout", "TestStandardOutputAndErrorStayApart"},
	{"input passed on unasked", "run.go", "if options.Interactive {", "if options.Interactive || true {", "TestStandardInputIsPassedOnlyWhenAsked"},
	{"mounts stay shared", "init.go", "unix.MS_REC|unix.MS_PRIVATE", "unix.MS_REC|unix.MS_SHARED", "TestHostKeepsItsProcEvenWhereRootIsShared"},
	{"mounts below the root stay shared", "init.go", "unix.MS_REC|unix.MS_PRIVATE", "unix.MS_PRIVATE", "TestHostKeepsItsProcEvenWhereRootIsShared"},
	{"the host's /proc", "init.go", `unix.Mount("proc", "/proc", "proc",`, `unix.Mount("proc", "/mnt", "proc",`, "TestProcShowsOnlyTheContainer"},
	{"open files inherited", "init.go", "if descriptor > 2 {", "if descriptor > 1000 {", "TestNoFileDescriptorOfTheHostIsInherited"},
	{"not found is not executable", "init.go", "ExitError{Code: exitNotFound,", "ExitError{Code: exitNotExecutable,", "TestExitStatusIsTheProgramsOwn"},
	{"arguments joined", "run.go", "Command:  options.Command,", "Command:  []string{options.Command[0], fmt.Sprint(options.Command[1:])},", "TestMessageTravelsAsData|TestStandardOutputAndErrorStayApart"},
	{"no command is no error", "pipe.go", "if len(message.Command) == 0 {", "if len(message.Command) < 0 {", "TestUnfinishedMessageIsRefused"},
	{"exit status lost", "exit.go", "Code: status.ExitStatus()}", "Code: 1}", "TestExitStatusIsTheProgramsOwn"},
	{"death by a signal is success", "exit.go", "exitSignalBase + int(status.Signal())", "int(status.Signal())", "TestDeathBySignalIs128PlusItsNumber"},
	{"signals not forwarded", "signals.go", "_ = container.Signal(received)", "_ = received", "TestSignalsReachTheProgram"},
	{"terminal kept", "run.go", "	defer takeBackTerminal(parent)\n", "", "TestTerminalIsGivenBack"},
}
