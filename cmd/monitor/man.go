// SPDX-License-Identifier: Apache-2.0

//go:build man

// With the build tag man the program is the generator of its manual pages, so that their
// formatter is no part of the program: go run -tags man ./cmd/monitor DIRECTORY.
package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

func main() {
	if err := writeManualPages(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", oneLine(err))
		os.Exit(exitCode(err))
	}
}

// writeManualPages writes a page for each command. The same program has the same pages on any
// machine: their date is that of SOURCE_DATE_EPOCH, else 1970.
func writeManualPages(args []string) error {
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
	root := newCommand()
	root.DisableAutoGenTag = true
	prepare(root)
	if err := os.MkdirAll(args[0], 0o755); err != nil {
		return fmt.Errorf("write manual pages: %w", err)
	}
	return doc.GenManTree(root, &doc.GenManHeader{Section: "1", Date: &date, Manual: "Monitor", Source: "Monitor"}, args[0])
}

// thisMachine is what the help says of the machine that it runs on.
var thisMachine = regexp.MustCompile(` \([^()]* on this machine\)`)

// prepare makes of the texts of a command, and of those below it, the markdown that the pages are
// made of.
func prepare(cmd *cobra.Command) {
	if cmd.Long != "" {
		cmd.Long = cmd.Short + ".\n\n" + markdown(cmd.Long)
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
