// SPDX-License-Identifier: Apache-2.0

package monitor_test

import (
	"bufio"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/internal/testns"
	"github.com/cilium/monitor/testutils"
)

var updateReadme = flag.Bool("update", false, "write the samples of README.md anew")

const example = "example"

var fencedBlock = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")

// TestReadmeSamples holds each fenced block of the README against what it shows: code of the
// example module, what "make run" prints, commands that there are. With -update the first two
// are written anew.
func TestReadmeSamples(t *testing.T) {
	requireRoot(t)
	monitor := filepath.Join(t.TempDir(), "monitor")
	out, err := exec.Command("go", "build", "-o", monitor, "./cmd/monitor").CombinedOutput()
	require.NoError(t, err, string(out))

	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	now := fencedBlock.ReplaceAllStringFunc(string(readme), func(block string) string {
		match := fencedBlock.FindStringSubmatch(block)
		language, text := match[1], match[2]
		switch language {
		case "go":
			text = sourceOf(t, text)
		case "console":
			if fresh := runSample(t, monitor); withoutVarying(fresh) != withoutVarying(text) {
				text = fresh
			}
		case "sh":
			requireCommands(t, monitor, text)
		default:
			require.Failf(t, "no test for a block of this kind", "%q", block)
		}
		if !*updateReadme {
			require.Equal(t, match[2], text, "go test -run TestReadmeSamples . -update")
		}
		return "```" + language + "\n" + text + "```"
	})
	if *updateReadme {
		require.NoError(t, os.WriteFile("README.md", []byte(now), 0o644))
	}
}

// sourceOf returns the source of the declarations that a block has, as the example has them.
func sourceOf(t *testing.T, block string) string {
	files := token.NewFileSet()
	shown, err := parser.ParseFile(files, "README.md", "package main\n"+block, parser.ParseComments)
	require.NoError(t, err)
	sources := make(map[string]string)
	paths, err := filepath.Glob(filepath.Join(example, "*.go"))
	require.NoError(t, err)
	for _, path := range paths {
		source, err := os.ReadFile(path)
		require.NoError(t, err)
		file, err := parser.ParseFile(files, path, source, parser.ParseComments)
		require.NoError(t, err)
		for _, decl := range file.Decls {
			name, doc := declared(decl)
			start := decl.Pos()
			if doc != nil {
				start = doc.Pos()
			}
			sources[name] = string(source[files.Position(start).Offset:files.Position(decl.End()).Offset])
		}
	}
	var texts []string
	for _, decl := range shown.Decls {
		name, _ := declared(decl)
		require.Contains(t, sources, name, "the example does not declare it")
		texts = append(texts, sources[name]+"\n")
	}
	return strings.Join(texts, "\n")
}

// declared returns what a declaration declares first, and its comment.
func declared(decl ast.Decl) (name string, doc *ast.CommentGroup) {
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		name, doc = decl.Name.Name, decl.Doc
		if decl.Recv != nil {
			receiver := decl.Recv.List[0].Type
			if pointer, ok := receiver.(*ast.StarExpr); ok {
				receiver = pointer.X
			}
			name = fmt.Sprint(receiver) + "." + name
		}
	case *ast.GenDecl:
		doc = decl.Doc
		switch spec := decl.Specs[0].(type) {
		case *ast.ValueSpec:
			name = spec.Names[0].Name
		case *ast.TypeSpec:
			name = spec.Name.Name
		case *ast.ImportSpec:
			name = "import " + spec.Path.Value
		}
	}
	return name, doc
}

// runSample returns what "make run" prints until it has shown a ping and a packet that is
// dropped, in a network namespace where nothing else happens.
func runSample(t *testing.T, monitor string) string {
	ns := testns.New(t)
	cmd := exec.Command("scripts/run", monitor)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = cmd.Stdout
	ns.Do(func() error {
		lo, err := netlink.LinkByName("lo")
		if err != nil {
			return err
		}
		if err := netlink.LinkSetUp(lo); err != nil {
			return err
		}
		return cmd.Start()
	})
	var sample strings.Builder
	sample.WriteString("$ make run\n")
	awaited := []string{"<- network flow", "icmp EchoReply", "Policy verdict log", "xx drop ("}
	for lines := bufio.NewScanner(stdout); len(awaited) > 0 && lines.Scan(); {
		sample.WriteString(strings.ReplaceAll(lines.Text(), monitor, "bin/monitor") + "\n")
		awaited = slices.DeleteFunc(awaited, func(text string) bool { return strings.Contains(lines.Text(), text) })
	}
	require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
	_, err = io.Copy(io.Discard, stdout)
	require.NoError(t, err)
	require.NoError(t, cmd.Wait())
	require.Empty(t, awaited, "of what was printed: %s", &sample)
	return sample.String()
}

var varying = regexp.MustCompile(`/tmp/tmp\.\w+|flow 0x[0-9a-f]+|127\.0\.0\.1:\d{5}`)

// withoutVarying returns a sample without what differs from run to run: its lines are sorted, as
// events of several CPUs may come in another order.
func withoutVarying(sample string) string {
	return strings.Join(slices.Sorted(strings.Lines(varying.ReplaceAllString(sample, ""))), "")
}

// requireCommands requires that there is each command of a block, with its flags and their values.
func requireCommands(t *testing.T, monitor, block string) {
	makefile, err := os.ReadFile("Makefile")
	require.NoError(t, err)
	for line := range strings.Lines(block) {
		command, _, _ := strings.Cut(line, "#")
		command, _, _ = strings.Cut(command, "|")
		words := strings.Fields(strings.TrimSuffix(strings.TrimSpace(command), "&"))
		if words[0] == "make" {
			require.Regexp(t, "(?m)^"+words[1]+":", string(makefile), line)
			continue
		}
		require.Equal(t, "monitor", words[0], line)
		out, err := exec.Command(monitor, append(words[1:], "--help")...).CombinedOutput()
		require.NoError(t, err, "%s%s", line, out)
	}
}

// TestReadmeProgram builds the program of the README and runs it: a client sees what the datapath
// drops, and what the program says of that.
func TestReadmeProgram(t *testing.T) {
	requireRoot(t)
	binary := filepath.Join(t.TempDir(), "example")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Dir = example
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))

	socket, eventsMap := testutils.SocketPath(t), testutils.EventsMapPath(t)
	datapath := testutils.NewFakeDatapath(t, eventsMap)
	require.NoError(t, datapath.BecomeReady())
	program := exec.Command(binary)
	program.Env = append(os.Environ(), "MONITOR_SOCKET_PATH="+socket, "MONITOR_EVENTS_MAP="+eventsMap)
	require.NoError(t, program.Start())
	t.Cleanup(func() {
		// Not by a signal: there is a moment in which hive does not heed it yet.
		require.NoError(t, program.Process.Kill())
		require.Error(t, program.Wait())
	})
	var client *testutils.Client
	require.Eventually(t, func() bool {
		client, err = testutils.Connect(t.Context(), socket)
		return err == nil
	}, timeout, tick)

	drop := api.DropNotify{Type: api.MessageTypeDrop, SubType: 133}
	require.Eventually(t, func() bool {
		counters, err := datapath.EmitSample(drop.Append(nil), 1)
		return err == nil && counters.Written == 1
	}, timeout, tick, "the program does not read the events map")
	require.NoError(t, client.WaitFor(t.Context(), 2), "the drop, and that it is the first one")
	require.NoError(t, client.Close())
}
