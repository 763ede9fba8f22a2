package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/moby/sys/user"
	"golang.org/x/sys/unix"
)

// accountAtRest looks the user of a container that does not run up in its passwd and
// group files.
func (e *Engine) accountAtRest(record *Record) (*user.ExecUser, error) {
	view := e.upperOf(record).View()
	read := func(name string) ([]byte, error) { return readInView(view, name) }
	return accountOf(record.User, record.Groups, read)
}

// accountInside looks a user up in the files of a container that runs.
func (e *Engine) accountInside(container *Container, name string) (*user.ExecUser, error) {
	root, err := e.openRoot(container)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	read := func(name string) ([]byte, error) {
		content, err := readBelow(root, name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return content, err
	}
	return accountOf(name, container.Groups, read)
}

// openRoot opens the root folder of a container that runs. Its process is proved to
// be the one that was recorded after the folder was opened. The error is errNoProcess if
// that has ended.
func (e *Engine) openRoot(container *Container) (*os.File, error) {
	state, err := e.runningState(container.ID)
	if err != nil {
		return nil, e.orEnded(container, err)
	}
	descriptor, err := unix.Open(fmt.Sprintf("/proc/%d/root", state.Program.Pid), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		err = errNoProcess // one that ends gives its root back some time before it has ended
	}
	if err != nil {
		return nil, e.orEnded(container, fmt.Errorf("open the root of the container %s: %w", container.Name, err))
	}
	root := os.NewFile(uintptr(descriptor), "the container's root")
	handle, err := state.Program.open()
	if err != nil {
		root.Close()
		return nil, e.orEnded(container, fmt.Errorf("open the root of the container %s: %w", container.Name, err))
	}
	unix.Close(handle)
	return root, nil
}

// accountOf finds a user, by name or number, and its groups, of which there may be
// more by name or number, in passwd and group files.
func accountOf(name string, groups []string, read func(string) ([]byte, error)) (*user.ExecUser, error) {
	passwd, err := read("etc/passwd")
	if err != nil {
		return nil, fmt.Errorf("read the container's /etc/passwd: %w", err)
	}
	group, err := read("etc/group")
	if err != nil {
		return nil, fmt.Errorf("read the container's /etc/group: %w", err)
	}
	account, err := user.GetExecUser(name, &user.ExecUser{Home: "/"}, bytes.NewReader(passwd), bytes.NewReader(group))
	if err != nil {
		return nil, fmt.Errorf("find the user %q in the container: %w", name, err)
	}
	if slices.Contains(groups, "") {
		return nil, errors.New("a group has no name: give --group-add one, or a number")
	}
	if len(groups) > 0 {
		more, err := user.GetAdditionalGroups(groups, bytes.NewReader(group))
		if err != nil {
			return nil, fmt.Errorf("find the groups %q in the container: %w", groups, err)
		}
		account.Sgids = append(account.Sgids, more...)
	}
	for _, id := range append([]int{account.Uid, account.Gid}, account.Sgids...) {
		if id < 0 || id > maxAccount {
			return nil, fmt.Errorf("find the user %q in the container: nobody has the number %d that its files say", name, id)
		}
	}
	return account, nil
}

// maxAccount is the highest number of a user or group that is taken from an image. The
// kernel has 32 bits, in which -1 is to stay who one is (setresuid(2)), and a number that
// has more bits would become another one, such as that of root.
const maxAccount = 1<<31 - 1
