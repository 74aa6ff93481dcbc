// SPDX-License-Identifier: Apache-2.0

package monitor_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/cilium/hive"
	"github.com/cilium/hive/cell"
	"github.com/cilium/hive/script"
	"github.com/spf13/pflag"
)

// exampleHive makes a hive whose monitor has a socket of its own. parts are cells and flags.
func exampleHive(dir string, parts ...any) *hive.Hive {
	var cells []cell.Cell
	var args []string
	for _, part := range parts {
		if arg, ok := part.(string); ok {
			args = append(args, arg)
		} else {
			cells = append(cells, part.(cell.Cell))
		}
	}
	h := hive.New(cells...)
	flags := pflag.NewFlagSet("example", pflag.ContinueOnError)
	h.RegisterFlags(flags)
	must(flags.Parse(args))
	h.Viper().Set("monitor-socket-path", filepath.Join(dir, "monitor.sock"))
	return h
}

// startAndStop starts and stops a hive, as a program does that is interrupted at once.
func startAndStop(parts ...any) {
	inTempDir(func(dir string) {
		h := exampleHive(dir, parts...)
		log := slog.New(slog.DiscardHandler)
		must(h.Start(log, context.Background()))
		must(h.Stop(log, context.Background()))
	})
}

// runScript runs a script on a hive and prints what its commands print.
func runScript(text string, parts ...any) {
	inTempDir(func(dir string) {
		cmds, err := exampleHive(dir, parts...).ScriptCommands(slog.New(slog.DiscardHandler))
		must(err)
		state, err := script.NewState(context.Background(), dir, nil)
		must(err)
		engine := script.Engine{Cmds: cmds}
		for line := range strings.Lines(strings.TrimSpace(text)) {
			var out bytes.Buffer
			must(engine.ExecuteLine(state, strings.TrimSpace(line), &out))
			_, output, _ := strings.Cut(out.String(), "[stdout]\n")
			fmt.Print(output)
		}
	})
}

func inTempDir(f func(dir string)) {
	dir, err := os.MkdirTemp("", "monitor")
	must(err)
	defer os.RemoveAll(dir)
	f(dir)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// printedHealth prints what is reported, without the directories of paths.
type printedHealth struct{ scope string }

var directories = regexp.MustCompile(`/\S*/`)

func (h printedHealth) print(level, status string) {
	fmt.Printf("%s %s: %s\n", h.scope, level, directories.ReplaceAllString(status, ""))
}

func (h printedHealth) OK(status string)      { h.print("OK", status) }
func (h printedHealth) Stopped(reason string) { h.print("stopped", reason) }
func (h printedHealth) Degraded(reason string, err error) {
	if err != nil {
		reason += ": " + err.Error()
	}
	h.print("degraded", reason)
}
func (h printedHealth) NewScope(name string) cell.Health {
	if h.scope != "" {
		name = h.scope + "." + name
	}
	return printedHealth{scope: name}
}
func (h printedHealth) Close() {}
