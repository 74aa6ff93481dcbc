// SPDX-License-Identifier: Apache-2.0

package perfring

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cilium/ebpf"
)

// otherReaders finds out who else reads a perf event array. It goes through all processes, so it
// does not do that often.
type otherReaders struct {
	mu    sync.Mutex // guards what follows
	text  string
	until time.Time // it is fresh
}

// names names those who may read the array of that id, as of a moment ago.
func (o *otherReaders) names(id ebpf.MapID) string {
	const fresh = 10 * time.Second
	o.mu.Lock()
	defer o.mu.Unlock()
	if time.Now().After(o.until) {
		o.text, o.until = findReaders(id, maxSearch), time.Now().Add(fresh)
	}
	return o.text
}

// maxSearch is for how long processes are looked for, since others wait for that.
const maxSearch = 100 * time.Millisecond

// findReaders names the processes, other than this one, that may read a perf event array: those
// that have both it and perf events open, as far as this process may see that in that time.
func findReaders(id ebpf.MapID, within time.Duration) string {
	own := strconv.Itoa(os.Getpid())
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is valid
	var found []string
	end := time.Now().Add(within)
	for _, dir := range dirs {
		if time.Now().After(end) {
			break
		}
		pid := filepath.Base(dir)
		if pid != own && mayRead(dir, id) {
			found = append(found, fmt.Sprintf("process %s (%s)", pid, processName(dir)))
		}
	}
	if len(found) == 0 {
		return "this process, or one that can't be seen from it"
	}
	return strings.Join(found, ", ")
}

func processName(dir string) string {
	name, err := os.ReadFile(dir + "/comm")
	if err != nil {
		return "?"
	}
	return strings.ToValidUTF8(strings.TrimSpace(string(name)), "?")
}

// mayRead tells whether the process of a directory in /proc has perf events and the map open.
func mayRead(dir string, id ebpf.MapID) bool {
	entries, err := os.ReadDir(dir + "/fd")
	if err != nil {
		return false
	}
	var perfEvents, array bool
	for _, entry := range entries {
		switch target, _ := os.Readlink(dir + "/fd/" + entry.Name()); target {
		case "anon_inode:[perf_event]":
			perfEvents = true
		case "anon_inode:bpf-map":
			array = array || hasMapID(dir+"/fdinfo/"+entry.Name(), id)
		}
		if perfEvents && array {
			return true
		}
	}
	return false
}

func hasMapID(fdinfo string, id ebpf.MapID) bool {
	text, err := os.ReadFile(fdinfo)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, "map_id:"); found {
			return strings.TrimSpace(value) == strconv.FormatUint(uint64(id), 10)
		}
	}
	return false
}
