// Package explain shows what is done to the kernel as the shell commands that a
// person would type for the same effect, in their order, each with the chapter
// that teaches it.
//
// Every package that changes something in the kernel does so in narrow functions
// that also name the step in the caller's Log. There is no second way through
// the code: without a Log nothing is said, and the same is done.
package explain

// Lesson is where the repository teaches a step.
type Lesson int

// The lessons. Beyond is what no chapter teaches: the hardening of final.
const (
	Beyond Lesson = iota
	Namespaces
	Cgroups
	Layers
	Volumes
	Exec
	Network
)

// String returns the folder of the chapter and what it is about.
func (l Lesson) String() string {
	names := [...]string{
		Beyond:     "final: what no chapter teaches",
		Namespaces: "stage01-namespaces: a process that sees a machine of its own",
		Cgroups:    "stage02-cgroups: how much of the machine it may use",
		Layers:     "stage03-aufs-pivotroot: a root file system of its own",
		Volumes:    "stage04-volumes-commit: what outlives it",
		Exec:       "stage05-ps-logs-exec: joining it",
		Network:    "stage06-network-ipam: how it is reached",
	}
	if l < 0 || int(l) >= len(names) {
		return names[Beyond]
	}
	return names[l]
}

// Step is one thing done to the kernel.
type Step struct {
	Lesson Lesson
	// Command is the command as words that no shell has looked at.
	Command []string
	// Into is the file that the command's output goes to, if it is not "".
	Into string `json:",omitempty"`
}

// Log is told of the steps as they are taken. A nil Log hears nothing.
type Log func(Step)

// Run names a step that a command does.
func (l Log) Run(lesson Lesson, command ...string) {
	if l != nil {
		l(Step{Lesson: lesson, Command: command})
	}
}

// Write names a step that is the writing of value, and a newline, into a file of
// the kernel's.
func (l Log) Write(lesson Lesson, value, file string) {
	if l != nil {
		l(Step{Lesson: lesson, Command: []string{"echo", value}, Into: file})
	}
}
