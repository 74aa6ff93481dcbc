// SPDX-License-Identifier: Apache-2.0

// Package control is how the driver of the comparison talks to the processes
// it started: one line of JSON each way, on the child's stdin and stdout.
package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

type request struct {
	Op  string
	Arg json.RawMessage `json:",omitempty"`
}

type reply struct {
	Error  string `json:",omitempty"`
	Result any    `json:",omitempty"`
}

// Handler carries out one operation. decode fills in the argument that the
// driver gave.
type Handler func(decode func(any) error) (any, error)

// Serve answers requests on stdin until the driver closes it.
func Serve(handlers map[string]Handler) error {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var req request
		if err := in.Decode(&req); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading a request: %w", err)
		}
		var rep reply
		if h, ok := handlers[req.Op]; !ok {
			rep.Error = "unknown operation " + req.Op
		} else if res, err := h(func(v any) error { return json.Unmarshal(req.Arg, v) }); err != nil {
			rep.Error = err.Error()
		} else {
			rep.Result = res
		}
		if err := out.Encode(rep); err != nil {
			return fmt.Errorf("writing a reply: %w", err)
		}
	}
}

// Process is a child that runs Serve.
type Process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	enc *json.Encoder
	dec *json.Decoder
}

// Start starts cmd. Its stderr is the driver's. It is killed when the thread ends that called Start:
// where threads come and go, that is one which the caller's goroutine is locked to.
func Start(cmd *exec.Cmd) (*Process, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	return &Process{cmd: cmd, in: in, enc: json.NewEncoder(in), dec: json.NewDecoder(out)}, nil
}

// PID is the child's process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Call asks for op and decodes its result into result, unless that is nil.
func (p *Process) Call(op string, arg, result any) error {
	raw, err := json.Marshal(arg)
	if err != nil {
		return err
	}
	if err := p.enc.Encode(request{Op: op, Arg: raw}); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	var rep struct {
		Error  string
		Result json.RawMessage
	}
	if err := p.dec.Decode(&rep); err != nil {
		return fmt.Errorf("%s: reading the reply: %w", op, err)
	}
	if rep.Error != "" {
		return fmt.Errorf("%s: %s", op, rep.Error)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(rep.Result, result)
}

// Stop closes the child's stdin and waits for it to exit, killing it after
// some seconds.
func (p *Process) Stop() error {
	p.in.Close()
	kill := time.AfterFunc(5*time.Second, func() { p.cmd.Process.Kill() })
	defer kill.Stop()
	return p.cmd.Wait()
}
