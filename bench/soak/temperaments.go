// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// temperament is how a client reads, until calm is closed.
type temperament struct {
	name   string
	reader func(conn *net.UnixConn, calm <-chan struct{}) (io.Reader, error)
}

var temperaments = []temperament{
	{"fast", func(conn *net.UnixConn, _ <-chan struct{}) (io.Reader, error) { return conn, nil }},
	{"slow", func(conn *net.UnixConn, calm <-chan struct{}) (io.Reader, error) {
		return readerFunc(func(b []byte) (int, error) {
			wait(calm, 5*time.Millisecond)
			return conn.Read(b[:min(len(b), 4096)])
		}), nil
	}},
	{"stops for a while", func(conn *net.UnixConn, calm <-chan struct{}) (io.Reader, error) {
		return readerFunc(func(b []byte) (int, error) {
			if rand.IntN(1000) == 0 {
				wait(calm, time.Second)
			}
			return conn.Read(b)
		}), nil
	}},
	{"never reads", func(conn *net.UnixConn, calm <-chan struct{}) (io.Reader, error) {
		return readerFunc(func(b []byte) (int, error) {
			<-calm
			return conn.Read(b)
		}), nil
	}},
	{"byte by byte", func(conn *net.UnixConn, calm <-chan struct{}) (io.Reader, error) {
		n := 0
		return readerFunc(func(b []byte) (int, error) {
			if isClosed(calm) {
				return conn.Read(b)
			}
			if n++; n%256 == 0 {
				wait(calm, time.Millisecond)
			}
			return conn.Read(b[:1])
		}), nil
	}},
	{"shuts down writing", func(conn *net.UnixConn, _ <-chan struct{}) (io.Reader, error) {
		_, err := conn.Write([]byte("what a client has no reason to send"))
		if errors.Is(err, syscall.EPIPE) {
			return nil, errRefused
		}
		return conn, errors.Join(err, conn.CloseWrite())
	}},
}

// departure is a client that comes in order to go.
type departure struct {
	name string
	live func(ctx context.Context) error
}

var departures = []departure{
	{"leaves at once", func(context.Context) error {
		conn, err := dial()
		if err != nil {
			return err
		}
		return conn.Close()
	}},
	{"disappears in a frame", func(context.Context) error {
		conn, err := dial()
		if err != nil {
			return err
		}
		_ = conn.SetDeadline(time.Now().Add(meanLife)) // there may be fewer bytes
		_, err = io.CopyN(io.Discard, conn, 1+rand.Int64N(100000))
		if errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded) {
			err = nil // refused
		}
		return errors.Join(err, conn.Close())
	}},
	{"shuts down reading", func(ctx context.Context) error {
		conn, err := dial()
		if err != nil {
			return err
		}
		err = conn.CloseRead()
		pause(ctx, meanLife/4)
		return errors.Join(err, conn.Close())
	}},
	{"floods the agent", func(ctx context.Context) error {
		conn, err := dial()
		if err != nil {
			return err
		}
		_ = conn.SetDeadline(time.Now().Add(meanLife)) // the agent reads nothing
		_, err = conn.Write(bytes.Repeat([]byte("nonsense"), 1<<16))
		if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
			err = nil
		}
		return errors.Join(err, conn.Close())
	}},
	{"is killed", func(ctx context.Context) error {
		cmd := exec.Command("/proc/self/exe", victimRole)
		if err := cmd.Start(); err != nil {
			return err
		}
		pause(ctx, meanLife)
		err := cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		return err
	}},
}

// beVictim is a client that reads until its process is killed.
func beVictim() error {
	conn, err := dial()
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, conn)
	return err
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// wait waits for a random time, up to twice the mean, or until calm is closed.
func wait(calm <-chan struct{}, mean time.Duration) {
	timer := time.NewTimer(rand.N(2 * mean))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-calm:
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
