package runtime

import (
	"os"
	goruntime "runtime"
)

// EnterRole is the first argument of this program in the role of a process that
// joins a running container. Until Enter is called it is the work of enter.c.
const EnterRole = "enter"

// Enter is the rest of that process's life up to execve, so it returns only on
// failure: nil if the parent has been told, and otherwise the error.
func Enter() error {
	goruntime.LockOSThread() // as Init
	if !hasEntered() {
		return errParentGone
	}
	conn, err := asConn(os.NewFile(initSocket, "the socket of enter"))
	if err != nil {
		return errParentGone
	}
	request, err := receiveRequest(conn)
	if err != nil {
		return err
	}
	err = openStandardFiles(&request, conn)
	if err == nil {
		err = execute(request.Spec.Process, conn)
	}
	if sendFailure(conn, startError(err)) != nil {
		return err
	}
	return nil
}
