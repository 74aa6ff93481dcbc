// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/api/payload"
)

// memoryFile is a file that is on no disk.
type memoryFile struct {
	*os.File
	path string
}

func newMemoryFile(t testing.TB) *memoryFile {
	fd, err := unix.MemfdCreate("test", unix.MFD_CLOEXEC)
	require.NoError(t, err)
	path := fmt.Sprintf("/proc/self/fd/%d", fd)
	file := os.NewFile(uintptr(fd), path)
	t.Cleanup(func() { file.Close() })
	return &memoryFile{file, path}
}

// set makes content what is in the file, and its beginning what is written next.
func (f *memoryFile) set(t *testing.T, content []byte) {
	require.NoError(t, f.Truncate(0))
	_, err := f.WriteAt(content, 0)
	require.NoError(t, err)
	_, err = f.Seek(0, io.SeekStart)
	require.NoError(t, err)
}

func (f *memoryFile) content(t *testing.T) []byte {
	content, err := os.ReadFile(f.path)
	require.NoError(t, err)
	return content
}

// gobPayloads reads a stream with encoding/gob, until the error that it returns, see requireEnd.
func gobPayloads(stream []byte) (payloads []payload.Payload, err error) {
	dec := gob.NewDecoder(bytes.NewReader(stream))
	for {
		var pl struct {
			Data []byte
			CPU  int
			Lost uint64
			Type int
		}
		if err := dec.Decode(&pl); err != nil {
			return payloads, err
		}
		payloads = append(payloads, pl)
	}
}

// requireEnd checks that err is the one of encoding/gob at the end of a stream with so many values: it
// expects one behind the type information.
func requireEnd(t *testing.T, values int, err error) {
	t.Helper()
	if values == 0 {
		require.Equal(t, io.ErrUnexpectedEOF, err)
	} else {
		require.Equal(t, io.EOF, err)
	}
}
