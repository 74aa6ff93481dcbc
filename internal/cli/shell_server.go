// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/debug"
	"sync"

	"github.com/cilium/hive"
	"github.com/cilium/hive/cell"
	"github.com/cilium/hive/script"
	"github.com/cilium/hive/shell"
	"github.com/sirupsen/logrus"

	"github.com/cilium/monitor/internal/unixsocket"
)

// shellCell serves what package shell of hive has the client of. Hive's own server removes
// whatever is at the socket's path, and ends when accepting a connection fails.
var shellCell = cell.Module(
	"shell",
	"Runs script commands for those who may use its unix socket",

	cell.Config(shell.Config{ShellSockPath: defaultShellSocket}),
	cell.Invoke(serveShell),
)

// shellSocketMode lets nobody connect but the agent's user, as whom commands run.
const shellSocketMode = 0o600

// What ends the output of a command: the client knows by it whether the command failed.
const (
	shellEnd   = "<<end>>"
	shellError = "<<error>>"
)

type shellParams struct {
	cell.In

	Lifecycle cell.Lifecycle
	Config    shell.Config
	Commands  hive.ScriptCmds
	Log       logrus.FieldLogger
	Health    cell.Health
}

// serveShell serves the shell from start to stop, unless its socket is none.
func serveShell(p shellParams) {
	if p.Config.ShellSockPath == "" {
		return
	}
	commands := p.Commands.Map()
	ofScripts := script.DefaultCmds()
	for _, name := range []string{"cat", "exec", "help"} { // most others are for tests
		commands[name] = ofScripts[name]
	}
	s := &shellServer{
		path:   p.Config.ShellSockPath,
		engine: &script.Engine{Cmds: commands},
		log:    p.Log,
		health: p.Health,
	}
	p.Lifecycle.Append(cell.Hook{OnStart: s.start, OnStop: s.stop})
}

// shellServer runs a goroutine that accepts connections, and one for each connection.
type shellServer struct {
	path   string
	engine *script.Engine
	log    logrus.FieldLogger
	health cell.Health

	socket   *unixsocket.Socket
	listener net.Listener
	cancel   context.CancelFunc
	wg       sync.WaitGroup
}

func (s *shellServer) start(cell.HookContext) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("serve the shell at --%s=%s: %w", shell.ShellSockPathName, s.path, err)
		}
	}()
	if s.socket, err = unixsocket.Listen(s.path, unixsocket.Options{Mode: shellSocketMode}); err != nil {
		return err
	}
	listener, err := s.socket.Listener()
	if err != nil {
		return errors.Join(err, s.socket.Close())
	}
	s.listener = newPatientListener(listener, "the shell on "+s.path, s.log, s.health)
	s.log.WithField("path", s.path).Info("Serving the shell")
	var ctx context.Context
	ctx, s.cancel = context.WithCancel(context.Background())
	s.wg.Go(func() { s.accept(ctx) })
	return nil
}

func (s *shellServer) stop(ctx cell.HookContext) error {
	s.cancel()
	err := errors.Join(s.listener.Close(), s.socket.Close())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.wg.Wait()
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		return errors.Join(err, fmt.Errorf("wait for the shell's commands: %w", ctx.Err()))
	}
	s.health.Stopped("The shell is not served any more")
	return err
}

func (s *shellServer) accept(ctx context.Context) {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return // it is closed
		}
		s.wg.Go(func() { s.serve(ctx, conn) })
	}
}

// serve runs the commands of a connection, one a line, until one is exit.
func (s *shellServer) serve(ctx context.Context, conn net.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()

	state, err := script.NewState(ctx, os.TempDir(), nil)
	if err != nil {
		s.log.WithError(err).Error("Serving a connection to the shell failed")
		return
	}
	// Those that run in the background end with the connection.
	defer func() { _ = state.CloseAndWait(io.Discard) }()

	// A command whose output nobody wants is interrupted.
	out := shellOutput{conn, cancel}
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		switch line := lines.Text(); line {
		case "stop", "exit", "quit":
			return
		default:
			if !answer(out, s.run(state, line, out)) {
				return
			}
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		answer(out, fmt.Errorf("the command is too long: it may have %d bytes", bufio.MaxScanTokenSize))
	}
}

// run runs a command. One that panics fails.
func (s *shellServer) run(state *script.State, line string, out io.Writer) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			s.log.WithField("stack", string(debug.Stack())).Errorf("A command of the shell panicked: %v", cause)
			err = fmt.Errorf("the command panicked: %v", cause)
		}
	}()
	return s.engine.ExecuteLine(state, line, out)
}

// answer ends the output of a command, and tells whether that could be written.
func answer(out io.Writer, failure error) bool {
	end := shellEnd
	if failure != nil {
		end = failure.Error() + shellError
	}
	_, err := fmt.Fprintln(out, end)
	return err == nil
}

// shellOutput writes to a connection, and cancels the command when that fails.
type shellOutput struct {
	conn   net.Conn
	cancel context.CancelFunc
}

func (o shellOutput) Write(b []byte) (int, error) {
	n, err := o.conn.Write(b)
	if err != nil {
		o.cancel()
	}
	return n, err
}
