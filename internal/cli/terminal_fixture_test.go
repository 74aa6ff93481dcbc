// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/gdamore/tcell/v3/vt"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// emulator is a terminal that somebody looks at, with 80 columns and 24 rows.
type emulator struct {
	t              *testing.T
	master, device *os.File

	mu       sync.Mutex // guards emulated
	emulated vt.MockTerm
}

func newEmulator(t *testing.T) *emulator {
	e := &emulator{t: t, emulated: vt.NewMockTerm(vt.MockOptSize{X: 80, Y: 24})}
	e.master, e.device = terminal(t)
	require.NoError(t, unix.IoctlSetWinsize(int(e.device.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: 80, Row: 24}))
	require.NoError(t, e.emulated.Start())
	var copying sync.WaitGroup
	copying.Go(func() { _, _ = io.Copy(e, e.master) })          // until the end of the terminal
	copying.Go(func() { _, _ = io.Copy(e.master, e.emulated) }) // what it is asked for
	t.Cleanup(func() {
		e.device.Close()
		e.master.Close()
		require.NoError(t, e.emulated.Close())
		copying.Wait()
	})
	return e
}

// Write implements io.Writer: it is shown.
func (e *emulator) Write(b []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.emulated.Write(b)
}

// screen is what it shows, without spaces at the ends of lines.
func (e *emulator) screen() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var b strings.Builder
	for y := range 24 {
		var line strings.Builder
		for x := range 80 {
			cell := e.emulated.GetCell(vt.Coord{X: vt.Col(x), Y: vt.Row(y)})
			if cell.C == "" {
				cell.C = " "
			}
			line.WriteString(cell.C)
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

// start starts the program on the terminal.
func (e *emulator) start(cmd *exec.Cmd) *process {
	cmd.Env = append(cmd.Env, "TERM=xterm-256color", "LC_ALL=C.UTF-8")
	cmd.Stdin, cmd.Stdout = e.device, e.device
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	return start(e.t, cmd)
}

func (e *emulator) press(keys string) {
	e.t.Helper()
	_, err := e.master.WriteString(keys)
	require.NoError(e.t, err)
}

// wait waits until it shows a text.
func (e *emulator) wait(text string) {
	e.t.Helper()
	waitUntil(e.t, func() bool { return strings.Contains(e.screen(), text) }, "it never showed %q", text)
}

// mode is how the terminal treats what is typed.
func (e *emulator) mode() unix.Termios {
	e.t.Helper()
	mode, err := unix.IoctlGetTermios(int(e.device.Fd()), unix.TCGETS)
	require.NoError(e.t, err)
	return *mode
}
