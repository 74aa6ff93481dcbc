// SPDX-License-Identifier: Apache-2.0

package export

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/cilium/lumberjack/v2"
	"golang.org/x/sys/unix"
)

// errTaken is the error of a file that another program exports to.
var errTaken = errors.New("another program exports to it")

// presenceInterval is how often a file is looked for at its path.
const presenceInterval = time.Second

// rotated is a file that is renamed when it is full, and that begins anew when somebody else has renamed or removed it. One program
// at a time writes it. Its methods are called one at a time.
type rotated struct {
	path    string // without symbolic links, so that the file is renamed, and not a link to it
	maxSize int64
	opts    FileOptions

	file *os.File // nil if there is none, until the next try
	size int64
	seen time.Time          // when it was at its path
	full *lumberjack.Logger // renames the file when it is full, and keeps those; it writes nothing
}

// openRotated opens or creates a file. It must be closed.
func openRotated(opts FileOptions) (*rotated, error) {
	maxSize := opts.MaxSizeMB
	if maxSize == 0 {
		maxSize = defaultMaxSizeMB
	}
	r := &rotated{path: opts.Path, maxSize: int64(maxSize) << 20, opts: opts}
	if err := r.open(); err != nil {
		return nil, err
	}
	path, err := filepath.EvalSymlinks(opts.Path)
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	r.path, r.full.Filename = path, path
	return r, nil
}

// open opens or creates the file, and its directory, if there is none open.
func (r *rotated) open() error {
	if err := os.MkdirAll(filepath.Dir(r.path), 0o755); err != nil {
		return err
	}
	// To open a pipe would wait for its reader, and a device is not to be renamed.
	if info, err := os.Stat(r.path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file; %s is standard output", r.path, Stdout)
	}
	file, err := os.OpenFile(r.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil && errors.Is(unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB), unix.EWOULDBLOCK) {
		err = fmt.Errorf("%s: %w", r.path, errTaken)
	}
	if err != nil {
		return errors.Join(err, file.Close())
	}
	r.file, r.size, r.seen = file, info.Size(), time.Now()
	if r.full == nil {
		r.full = &lumberjack.Logger{
			Filename: r.path, MaxSize: math.MaxInt32, MaxBackups: r.opts.MaxBackups, Compress: r.opts.Compress, FileMode: info.Mode().Perm(),
		}
	}
	return nil
}

// Write writes a line to the file, to another one if that is full or not at its path any more.
func (r *rotated) Write(line []byte) (n int, err error) {
	if r.file != nil && time.Since(r.seen) >= presenceInterval {
		if r.isPresent() {
			r.seen = time.Now()
		} else if err := r.leave(); err != nil {
			return 0, err
		}
	}
	if r.file != nil && r.size > 0 && r.size+int64(len(line)) > r.maxSize {
		if err := r.rotate(); err != nil {
			return 0, err
		}
	}
	if r.file == nil {
		if err := r.open(); err != nil {
			return 0, err
		}
	}
	n, err = r.file.Write(line)
	r.size += int64(n)
	return n, err
}

func (r *rotated) isPresent() bool {
	there, err := os.Stat(r.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	here, errHere := r.file.Stat()
	return err != nil || errHere != nil || os.SameFile(there, here)
}

// leave closes the file, which others have put elsewhere.
func (r *rotated) leave() error {
	err := r.closeFile()
	// It has the file open as well if it was the one to create it.
	err = errors.Join(err, r.full.Close())
	r.full = nil
	return err
}

// rotate has the file renamed, and another one there.
func (r *rotated) rotate() error {
	if err := r.closeFile(); err != nil {
		return err
	}
	if err := r.full.Rotate(); err != nil {
		return err
	}
	return r.open()
}

func (r *rotated) closeFile() error {
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}

// Close closes the file, once full ones are compressed.
func (r *rotated) Close() error {
	err := r.closeFile()
	if r.full != nil {
		err = errors.Join(err, r.full.Close())
		r.full = nil
	}
	return err
}
