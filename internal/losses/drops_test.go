// SPDX-License-Identifier: Apache-2.0

//go:build linux

package losses

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/hive/script"
	"github.com/stretchr/testify/require"
)

// patience is how long a line may take to come, on an emulated processor, too.
const patience = 10 * time.Second

// drops is "monitor drops", and what it has printed.
type drops struct {
	t     *testing.T
	host  *host // where it runs
	ports int   // of the last mark

	mu    sync.Mutex // guards what follows
	lines []string
	came  chan struct{} // closed, and another one made, when a line has come
}

// watchDrops runs it until the test ends.
func watchDrops(t *testing.T) *drops {
	d := &drops{t: t, host: newHost(t), came: make(chan struct{})}
	d.host.must("ip link set lo up")
	cmd := exec.Command("/proc/self/exe", "drops", "--monitor-socket-path", t.TempDir()+"/none.sock", "--timestamps", "none")
	cmd.Env = append(os.Environ(), asMonitor+"=1", "GORACE=atexit_sleep_ms=0")
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	d.host.Do(cmd.Start)
	said := bufio.NewReader(stderr)
	first, err := said.ReadString('\n')
	var readers sync.WaitGroup
	readers.Go(func() {
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			d.add(lines.Text())
		}
	})
	readers.Go(func() {
		for line, err := said.ReadString('\n'); err == nil; line, err = said.ReadString('\n') {
			fmt.Fprint(t.Output(), line)
		}
	})
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		readers.Wait()
		require.NoError(t, cmd.Wait())
	})
	require.NoError(t, err)
	require.Contains(t, first, "Watching what the kernel drops")
	return d
}

func (d *drops) add(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
	close(d.came)
	d.came = make(chan struct{})
}

// since returns the lines from one on, and what is closed when there is another one.
func (d *drops) since(first int) (lines []string, came <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.lines[first:]), d.came
}

// window is what was printed since a script began, of its own network.
type window struct {
	*drops
	first  int
	inodes []string
	asked  []*regexp.Regexp // by lost
}

func (d *drops) window(n *network) *window {
	lines, _ := d.since(0)
	w := &window{drops: d, first: len(lines)}
	for _, h := range []*host{n.client, n.router, n.server} {
		w.inodes = append(w.inodes, strconv.FormatUint(h.inode, 10))
	}
	return w
}

// netnsPattern is what tells the network namespace in a line.
var netnsPattern = regexp.MustCompile(`, netns (\d+)(, \d+ more like it)?$`)

// own returns the lines so far of the script's network. In queues of sockets the kernel forgets what network a packet is of.
func (w *window) own() (own []string, came <-chan struct{}) {
	lines, came := w.since(w.first)
	for _, line := range lines {
		if m := netnsPattern.FindStringSubmatch(line); m != nil && slices.Contains(w.inodes, m[1]) {
			own = append(own, line)
		}
	}
	return own, came
}

// pattern makes a regular expression of a line: * is anything but spaces, and a word with | in it is one of several.
func pattern(line string) *regexp.Regexp {
	words := strings.Split(line, " ")
	for i, word := range words {
		word, comma := strings.CutSuffix(word, ",")
		word = strings.ReplaceAll(regexp.QuoteMeta(word), `\*`, `\S*`)
		words[i] = "(?:" + strings.ReplaceAll(word, `\|`, "|") + ")"
		if comma {
			words[i] += ","
		}
	}
	return regexp.MustCompile("^DROP " + strings.Join(words, " ") + `(, process \S+ \d+)?, netns \d+(, \d+ more like it)?$`)
}

// await waits for a line that is wanted.
func (d *drops) await(lines func() ([]string, <-chan struct{}), wanted *regexp.Regexp) error {
	timeout := time.After(patience)
	for {
		seen, came := lines()
		if slices.ContainsFunc(seen, wanted.MatchString) {
			return nil
		}
		select {
		case <-came:
		case <-timeout:
			return fmt.Errorf("no such line came, but\n%s", strings.Join(seen, "\n"))
		}
	}
}

// lostCommand waits for a line.
func (w *window) lostCommand() script.Cmd {
	usage := script.CmdUsage{Summary: "Wait until monitor drops prints this", Args: "LINE", Detail: []string{
		"That is what is between DROP and the network namespace. * is anything but spaces, and a|b one of both.",
	}}
	return script.Command(usage, func(_ *script.State, args ...string) (script.WaitFunc, error) {
		if len(args) != 1 {
			return nil, script.ErrUsage
		}
		wanted := pattern(args[0])
		w.asked = append(w.asked, wanted)
		return nil, w.await(w.own, wanted)
	})
}

// quietCommand demands that nothing else was printed.
func (w *window) quietCommand() script.Cmd {
	usage := script.CmdUsage{Summary: "Demand that monitor drops has printed no other line of this network"}
	return script.Command(usage, func(_ *script.State, args ...string) (script.WaitFunc, error) {
		if len(args) != 0 {
			return nil, script.ErrUsage
		}
		if err := w.mark(); err != nil {
			return nil, err
		}
		lines, _ := w.own()
		lines = slices.DeleteFunc(lines, func(line string) bool { return strings.Contains(line, " MulticastListenerReportV2: ") })
		lines = slices.DeleteFunc(lines, func(line string) bool {
			return slices.ContainsFunc(w.asked, func(asked *regexp.Regexp) bool { return asked.MatchString(line) })
		})
		if len(lines) != 0 {
			return nil, fmt.Errorf("there were also\n%s", strings.Join(lines, "\n"))
		}
		return nil, nil
	})
}

// mark waits until all is printed that was lost so far, by losing something else behind it.
func (w *window) mark() error {
	w.ports++
	address := fmt.Sprintf("127.0.0.1:%d", 20000+w.ports)
	var err error
	w.host.Do(func() error { err = udp(w.host, []string{address}); return nil })
	if err != nil {
		return err
	}
	return w.await(func() ([]string, <-chan struct{}) { return w.since(w.first) },
		regexp.MustCompile(`^DROP 127\.0\.0\.1:\d+ -> `+regexp.QuoteMeta(address)+` udp: `))
}
