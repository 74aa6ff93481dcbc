// SPDX-License-Identifier: Apache-2.0

// Package explain says what drop reasons mean, in a line for people, and what to look at: those of the kernel, and those
// of Cilium's datapath. For a packet that the kernel dropped without a reason it says what the function does that dropped it.
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
	// begin so and are not explained on their own. See Function for the other names.
	Name string

	// Kernel tells that it is a reason or a function of the kernel.
	Kernel bool

	// Function tells that Name is that of a function which drops packets without a reason.
	Function bool

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
// (in that of the functions NAME can be several) with empty lines in between, and lines that begin with # for those who edit them.
var (
	//go:embed kernel.txt
	kernelText string
	//go:embed functions.txt
	functionsText string
	//go:embed cilium.txt
	ciliumText string
)

// table is what they say. Parsing is left until somebody asks.
var table = sync.OnceValue(func() *index {
	x := &index{
		all:       slices.Concat(parse(kernelText, true), parse(ciliumText, false)),
		functions: functions(parse(functionsText, true)),
		kernel:    make(map[string]*Reason),
		datapath:  make(map[string]*Reason),
		function:  make(map[string]*Reason),
	}
	for i := range x.functions {
		x.function[x.functions[i].Name] = &x.functions[i]
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
	functions        []Reason
	kernel, datapath map[string]*Reason
	function         map[string]*Reason
	many             []*Reason // those that stand for others
}

// functions returns an entry for each of the names that entries have.
func functions(entries []Reason) (all []Reason) {
	for _, r := range entries {
		for name := range strings.FieldsSeq(r.Name) {
			r.Name, r.Function = name, true
			all = append(all, r)
		}
	}
	return all
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

// Functions returns the functions of the kernel that are explained. The caller may change the slice, but not what Look points to.
func Functions() []Reason { return slices.Clone(table().functions) }

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

// Function returns what it means that a function of the kernel dropped a packet without a reason. The name may have what compilers
// add to it, such as ".isra.0".
func Function(name string) (r Reason, found bool) {
	name, _, _ = strings.Cut(name, ".")
	if r := table().function[name]; r != nil {
		return *r, true
	}
	return Reason{}, false
}

// KernelDrop returns what there is to say about a packet that the kernel dropped for a reason, NOT_SPECIFIED or "" if it gave none, in
// a function: about the reason, and about the function if there is none.
func KernelDrop(reason, function string) (r Reason, found bool) {
	if reason == "" || reason == notSpecified {
		if r, found := Function(function); found {
			return r, true
		}
	}
	return Kernel(reason)
}

// notSpecified is the kernel's reason for what it gives no reason for.
const notSpecified = "NOT_SPECIFIED"

// Datapath returns the reason of a datapath that has a text, as [api.DropReason] returns it.
func Datapath(text string) (r Reason, found bool) {
	if r := table().datapath[text]; r != nil {
		return *r, true
	}
	return Reason{}, false
}

// kernelPrefix is what names of the kernel's reasons begin with in its sources.
const kernelPrefix = "SKB_DROP_REASON_"

// Find returns what somebody typed: a reason, as a name or a text in any case, also with SKB_DROP_REASON_, or the number of
// a datapath's reason; or a function of the kernel.
func Find(typed string) (r Reason, found bool) {
	typed = strings.TrimSpace(typed)
	if code, err := strconv.ParseUint(typed, 10, 8); err == nil {
		return Datapath(api.DropReason(uint8(code)))
	}
	if r, found := Function(typed); found {
		return r, true
	}
	for text := range table().datapath {
		if strings.EqualFold(text, typed) {
			return Datapath(text)
		}
	}
	return Kernel(strings.TrimPrefix(strings.ToUpper(typed), kernelPrefix))
}
