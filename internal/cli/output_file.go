// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/internal/inert"
)

// readerInterval is how often a named pipe is tried again that nobody reads yet.
const readerInterval = 50 * time.Millisecond

// openForWriting opens or creates a file, and does not empty it yet. Of a named pipe it waits for the
// reader, until ctx is cancelled, and tells that it does.
func openForWriting(ctx context.Context, path string, messages io.Writer) (*os.File, error) {
	for told := false; ; told = true {
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|unix.O_NONBLOCK, 0o666)
		if !errors.Is(err, unix.ENXIO) {
			return file, err
		}
		if info, statErr := os.Stat(path); statErr != nil || info.Mode()&fs.ModeNamedPipe == 0 {
			return nil, err
		}
		if !told {
			fmt.Fprintf(messages, "Nobody reads the named pipe %s yet: waiting for a reader, Ctrl-C stops\n", inert.String(path))
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(readerInterval):
		}
	}
}

// requireOther returns an error if file, which is going to be emptied, is one of the others, which
// are open or nil.
func requireOther(file *os.File, others ...*os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	for _, other := range others {
		if other == nil || !info.Mode().IsRegular() {
			continue
		}
		if otherInfo, err := other.Stat(); err == nil && os.SameFile(info, otherInfo) {
			return usageError(fmt.Errorf("%s can be given only once, it is %s", file.Name(), other.Name()))
		}
	}
	return nil
}
