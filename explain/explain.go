// SPDX-License-Identifier: Apache-2.0

// Package explain says what drop reasons mean, in a line for people, and what to look at: those of the kernel, and those
// of Cilium's datapath.
package explain

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/cilium/monitor/api"
)

// Reason is what there is to say about a drop reason.
type Reason struct {
	// Name is the kernel's name without SKB_DROP_REASON_, such as "NO_SOCKET", or the text that package api has for a
	// reason of a datapath, such as "Policy denied". One that ends in * stands for all names that
	// begin so and are not explained on their own.
	Name string

	// Kernel tells that it is a reason of the kernel.
	Kernel bool

	// Meaning is one line, made of sentences.
	Meaning string

	// Look are the commands that may tell more, the most telling one first.
	Look []Command
}

// Command is something to type into a shell. Words in capitals stand for what the packet has: DEV, SRC, DST, PORT.
type Command struct {
	Line string
	Why  string // what to see there, "" if the command says it
}

// The tables are lists of
//
//	NAME
//	  Its meaning.
//	  $ COMMAND # what to see there
//
// with empty lines in between, and lines that begin with # for those who edit them.
var (
	//go:embed kernel.txt
	kernelText string
	//go:embed cilium.txt
	ciliumText string
)

// table is what both say. Parsing is left until somebody asks.
var table = sync.OnceValue(func() *index {
	x := &index{
		all:      slices.Concat(parse(kernelText, true), parse(ciliumText, false)),
		kernel:   make(map[string]*Reason),
		datapath: make(map[string]*Reason),
	}
	for i := range x.all {
		r := &x.all[i]
		switch {
		case !r.Kernel:
			x.datapath[r.Name] = r
		case strings.HasSuffix(r.Name, "*"):
			x.many = append(x.many, r)
			fallthrough
		default:
			x.kernel[r.Name] = r
		}
	}
	return x
})

// index has the reasons by their names.
type index struct {
	all              []Reason // the kernel's first
	kernel, datapath map[string]*Reason
	many             []*Reason // those that stand for others
}

// parse panics on what is no table: they are compiled in.
func parse(text string, kernel bool) (reasons []Reason) {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		content, indented := strings.CutPrefix(line, "  ")
		command, isCommand := strings.CutPrefix(content, "$ ")
		switch {
		case line == "", strings.HasPrefix(line, "#"):
		case !indented:
			reasons = append(reasons, Reason{Name: line, Kernel: kernel})
		case isCommand:
			r := &reasons[len(reasons)-1]
			line, why, _ := strings.Cut(command, " # ")
			r.Look = append(r.Look, Command{Line: line, Why: why})
		case reasons[len(reasons)-1].Meaning != "":
			panic(fmt.Sprintf("package explain: two meanings of %s", reasons[len(reasons)-1].Name))
		default:
			reasons[len(reasons)-1].Meaning = content
		}
	}
	return reasons
}

// All returns all reasons: those of the kernel, then those of Cilium's datapath. The caller may change the slice, but
// not what Look points to.
func All() []Reason { return slices.Clone(table().all) }

// Kernel returns the reason of the kernel that has a name, without SKB_DROP_REASON_. That may be one that explains all names of
// the subsystem.
func Kernel(name string) (r Reason, found bool) {
	if r := table().kernel[name]; r != nil {
		return *r, true
	}
	for _, r := range table().many {
		if strings.HasPrefix(name, strings.TrimSuffix(r.Name, "*")) {
			return *r, true
		}
	}
	return Reason{}, false
}

// Datapath returns the reason of a datapath that has a text, as [api.DropReason] returns it.
func Datapath(text string) (r Reason, found bool) {
	if r := table().datapath[text]; r != nil {
		return *r, true
	}
	return Reason{}, false
}

// kernelPrefix is what names of the kernel's reasons begin with in its sources.
const kernelPrefix = "SKB_DROP_REASON_"

// Find returns the reason that somebody typed: a name or a text in any case, also with SKB_DROP_REASON_, or the number of
// a datapath's reason.
func Find(typed string) (r Reason, found bool) {
	typed = strings.TrimSpace(typed)
	if code, err := strconv.ParseUint(typed, 10, 8); err == nil {
		return Datapath(api.DropReason(uint8(code)))
	}
	for text := range table().datapath {
		if strings.EqualFold(text, typed) {
			return Datapath(text)
		}
	}
	return Kernel(strings.TrimPrefix(strings.ToUpper(typed), kernelPrefix))
}
