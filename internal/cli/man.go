// SPDX-License-Identifier: Apache-2.0

//go:build man

package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

// Main writes manual pages. With the build tag man the program is the generator of its manual pages, so that their
// formatter is no part of the program: go run -tags man ./cmd/monitor DIRECTORY.
func Main(extensions ...Extension) {
	if err := writeManualPages(os.Args[1:], extensions...); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", oneLine(err))
		os.Exit(exitCode(err))
	}
}

// writeManualPages writes a page for each command. The same program has the same pages on any
// machine: their date is that of SOURCE_DATE_EPOCH, else 1970.
func writeManualPages(args []string, extensions ...Extension) error {
	if len(args) != 1 {
		return usageError(errors.New("write manual pages: the one argument is the directory for them"))
	}
	var epoch int64
	if text := os.Getenv("SOURCE_DATE_EPOCH"); text != "" {
		var err error
		if epoch, err = strconv.ParseInt(text, 10, 64); err != nil {
			return usageError(fmt.Errorf("SOURCE_DATE_EPOCH: %w", err))
		}
	}
	date := time.Unix(epoch, 0).UTC()
	root := newCommand(extensions...)
	root.DisableAutoGenTag = true
	prepare(root)
	if err := os.MkdirAll(args[0], 0o755); err != nil {
		return fmt.Errorf("write manual pages: %w", err)
	}
	if err := doc.GenManTree(root, &doc.GenManHeader{Section: "1", Date: &date, Manual: "Monitor", Source: "Monitor"}, args[0]); err != nil {
		return err
	}
	return finish(args[0])
}

// section begins a section of a page.
const section = "\n\n.SH "

// sectionOrder is that of man-pages(7).
var sectionOrder = []string{"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "ENVIRONMENT", "EXAMPLE", "SEE ALSO"}

// switchDefault is what a page says of the default of a flag that need not have a value.
var switchDefault = regexp.MustCompile(`(?m)\[=(false|0)\]$`)

// finish puts the sections of all pages in a directory in their order, and leaves out the defaults
// of switches.
func finish(dir string) error {
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil {
		return err
	}
	for _, path := range pages {
		text, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("finish manual page: %w", err)
		}
		sections := strings.Split(strings.TrimRight(string(text), "\n"), section)
		slices.SortStableFunc(sections[1:], func(a, b string) int { return sectionIndex(a) - sectionIndex(b) })
		page := switchDefault.ReplaceAllString(strings.Join(sections, section), "") + "\n"
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
			return fmt.Errorf("finish manual page: %w", err)
		}
	}
	return nil
}

func sectionIndex(text string) int {
	title, _, _ := strings.Cut(text, "\n")
	return slices.Index(sectionOrder, title)
}

// thisMachine is what the help says of the machine that it runs on.
var thisMachine = regexp.MustCompile(` \([^()]* on this machine\)`)

// prepare makes of the texts of a command, and of those below it, the markdown that the pages are
// made of.
func prepare(cmd *cobra.Command) {
	if cmd.Long != "" {
		description, exitStatus, found := strings.Cut("\n\n"+cmd.Long, "\n\nExit code")
		cmd.Long = cmd.Short + "." + markdown(description)
		if found {
			cmd.Long += "\n\n# EXIT STATUS\n\n" + markdown("Exit code"+exitStatus)
		}
	}
	if variables := environment(cmd); variables != "" {
		cmd.Long += "\n\n# ENVIRONMENT\n\nEach variable stands for a flag, which goes before it:\n\n" + markdown(variables)
	}
	cmd.Example = strings.TrimSpace(cmd.Example)
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		placeholder, usage := pflag.UnquoteUsage(f)
		f.Usage = escape(thisMachine.ReplaceAllString(usage, ""))
		if f.DefValue == "" {
			f.DefValue = placeholder
		}
	})
	for _, c := range cmd.Commands() {
		prepare(c)
	}
}

// environment returns the environment variables of a command and their flags, a line for each.
func environment(cmd *cobra.Command) string {
	var lines strings.Builder
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		var variable string
		switch cmd.Name() {
		case "watch", "drops", "top", "status", "shell":
			variable = environmentVariable(cmd, f)
		case "agent":
			if f.Name != "help" && f.Name != flagConfig && f.Name != flagCheck {
				variable = variableOf(f.Name)
			}
		}
		if variable != "" {
			fmt.Fprintf(&lines, "  %-30s --%s\n", variable, f.Name)
		}
	})
	return lines.String()
}

// markdown escapes what means something in markdown, and keeps indented lines as they are.
func markdown(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "  ") {
			b.WriteString("    " + line)
		} else {
			b.WriteString(escape(line))
		}
	}
	return b.String()
}

func escape(text string) string {
	return strings.NewReplacer("<", `\<`, "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`).Replace(text)
}
