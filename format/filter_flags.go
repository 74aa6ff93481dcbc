// SPDX-License-Identifier: Apache-2.0

package format

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// FilterHelp explains, for the help of a command, how the flags of a filter combine.
const FilterHelp = `Filters: an event is printed if it has, for each filter flag that is given, one
of that flag's values. So several values of one flag mean "or", several flags mean
"and". Give a flag several times, or separate its values with commas (but not those
of --drop-reason, which have commas). --not negates the next filter flag:

  --type drop,policy-verdict --ip 10.0.0.0/8     drops and verdicts of one network
  --port 80 --port 443 --not --ip 10.0.0.1       web traffic without one host's
  --tcp-flags SYN --not --tcp-flags ACK          connection attempts
  --outer --ip 10.1.0.1 --inner --port dns       DNS through a tunnel of one node

Addresses, ports, protocols and TCP flags are looked for in all that a packet has: in
tunnels and what they carry, in what an ICMP error is about, in ARP, neighbour
discovery and routing headers; in a policy verdict, which has protocol and port also
where the packet does not, and in what an l7 or trace-sock event says. Behind --outer a
flag is asked only of headers that carry another packet in a tunnel, behind --inner only
of the others. Both make another flag of it: "and".

An event that has no value of the kind that a flag asks for (an agent notification
and --port) does not match the flag, and matches it behind --not. Lost events are
always printed, and so are samples that cannot be decoded, unless --type excludes
them. --from, --to and --related-to do not apply to trace-sock events. Of a policy verdict,
which knows the endpoint on this node only, the direction says which side that is on.`

// Flags that say how the next filter flag is meant.
const (
	notFlag   = "not"
	outerFlag = "outer"
	innerFlag = "inner"
)

// FilterFlags are the command line flags that make a [Filter].
type FilterFlags struct {
	given []givenValue // in their order
	later bool         // names are looked up by Filter

	// pending are the flags that were given for the next filter flag. The first that contradicts another
	// is wrong: that is for Filter to refuse, since who completes a command line parses it several times.
	pending []string
	wrong   error
}

// givenValue is a value as it was given to a flag.
type givenValue struct {
	flag  *filterFlag
	scope scope
	not   bool
	text  string
}

// InvalidValueError is the error of [FilterFlags.Filter] for a value that it could not look up before, see
// [FilterFlags.LookUpLater].
type InvalidValueError struct {
	Flag  string // its name
	Value string // what was given for it
	Err   error  // what is wrong with that
}

// Error implements error.
func (e *InvalidValueError) Error() string {
	return fmt.Sprintf("--%s %s: %s", e.Flag, e.Value, e.Err)
}

// Unwrap returns what is wrong with the value.
func (e *InvalidValueError) Unwrap() error { return e.Err }

// NewFilterFlags adds the flags to a flag set, which parses them in order: --not, --outer and
// --inner apply to the filter flag behind them.
func NewFilterFlags(fs *pflag.FlagSet) *FilterFlags {
	ff := &FilterFlags{}
	for _, flag := range filterFlags {
		fs.VarP(&criterionFlag{ff, flag}, flag.name, flag.shorthand, flag.help())
	}
	for _, m := range []struct{ name, usage string }{
		{notFlag, "negate the next filter flag"},
		{outerFlag, "ask the next filter flag of the headers around what a tunnel carries"},
		{innerFlag, "ask the next filter flag of the other headers: of what is carried, or in no tunnel"},
	} {
		fs.Var(&meaning{ff, m.name}, m.name, m.usage)
		fs.Lookup(m.name).NoOptDefVal = "true"
	}
	return ff
}

// IsFilterMeaning reports whether a flag, such as "not", has no value of its own, but says how the filter flag behind
// it is meant.
func IsFilterMeaning(flag string) bool {
	return flag == notFlag || flag == outerFlag || flag == innerFlag
}

// FilterFlagsOf returns the flags that NewFilterFlags added to a flag set.
func FilterFlagsOf(fs *pflag.FlagSet) *FilterFlags {
	return fs.Lookup(notFlag).Value.(*meaning).flags
}

// LookUpLater has the names of message types and drop reasons be looked up by Filter, and not when the
// flags are parsed: the names of a recording are known only after that.
func (ff *FilterFlags) LookUpLater() { ff.later = true }

// Filter returns the filter that the parsed flags ask for, by the names that are registered when it is
// called. It is an error if no event can ever match it, and an [InvalidValueError] if a value is none.
func (ff *FilterFlags) Filter() (*Filter, error) {
	switch {
	case ff.wrong != nil:
		return nil, ff.wrong
	case len(ff.pending) > 0:
		return nil, fmt.Errorf("--%s needs a filter flag behind it", ff.pending[len(ff.pending)-1])
	}
	f := &Filter{}
	for _, given := range ff.given {
		value, err := given.flag.value(given.text, given.scope)
		if err != nil {
			return nil, &InvalidValueError{given.flag.name, given.text, err}
		}
		f.add(given, value)
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	return f, nil
}

// Renamed returns what Filter does, by other names than when that was called: a value that is none by
// these is one that no event has.
func (ff *FilterFlags) Renamed() *Filter {
	f := &Filter{}
	for _, given := range ff.given {
		value, err := given.flag.value(given.text, given.scope)
		if err != nil {
			value = filterValue{match: func(*Event) bool { return false }}
		}
		f.add(given, value)
	}
	return f
}

// ParseFilter returns the filter of command line flags, such as "--type", "drop".
func ParseFilter(args []string) (*Filter, error) {
	fs := pflag.NewFlagSet("filter", pflag.ContinueOnError)
	fs.Usage = func() {}
	ff := NewFilterFlags(fs)
	if err := fs.Parse(args); err != nil {
		return nil, fmt.Errorf("parse filter: %w", err)
	}
	if fs.NArg() > 0 {
		return nil, fmt.Errorf("parse filter: %q is not a flag", fs.Arg(0))
	}
	f, err := ff.Filter()
	if err != nil {
		return nil, fmt.Errorf("parse filter: %w", err)
	}
	return f, nil
}

// criterionFlag is the pflag.Value of a filter flag.
type criterionFlag struct {
	flags *FilterFlags
	flag  *filterFlag
}

// Set adds one or more values.
func (v *criterionFlag) Set(text string) error {
	texts := []string{text}
	if !v.flag.whole {
		texts = strings.Split(text, ",")
	}
	given := givenValue{flag: v.flag, scope: v.flags.scope(), not: slices.Contains(v.flags.pending, notFlag)}
	values := make([]givenValue, 0, len(texts))
	for _, given.text = range texts {
		given.text = strings.TrimSpace(given.text)
		if _, err := v.flag.value(given.text, given.scope); err != nil && !(v.flags.later && v.flag.named) {
			return err
		}
		values = append(values, given)
	}
	v.flags.given = append(v.flags.given, values...)
	v.flags.pending = nil
	return nil
}

// scope returns what the pending flags say that the next filter flag is asked of.
func (ff *FilterFlags) scope() scope {
	switch {
	case slices.Contains(ff.pending, outerFlag):
		return outer
	case slices.Contains(ff.pending, innerFlag):
		return inner
	default:
		return anywhere
	}
}

// String implements pflag.Value. As long as there are no values it is "", so the help
// shows no default.
func (v *criterionFlag) String() string {
	if v.flags == nil {
		return ""
	}
	var texts []string
	for _, given := range v.flags.given {
		if given.flag == v.flag {
			texts = append(texts, given.text)
		}
	}
	return strings.Join(texts, ",")
}

// Type returns the placeholder of a value in the help.
func (v *criterionFlag) Type() string { return v.flag.placeholder }

// meaning is the pflag.Value of a flag that says how the next one is meant.
type meaning struct {
	flags *FilterFlags
	name  string
}

// Set implements pflag.Value.
func (m *meaning) Set(text string) error {
	on, err := strconv.ParseBool(text)
	if err != nil {
		return errors.New("it has no value")
	}
	if !on {
		m.flags.pending = slices.DeleteFunc(m.flags.pending, func(name string) bool { return name == m.name })
		return nil
	}
	for _, other := range m.flags.pending {
		switch {
		case m.flags.wrong != nil:
		case other == m.name:
			m.flags.wrong = fmt.Errorf("--%s is given twice in a row", m.name)
		case other != notFlag && m.name != notFlag:
			m.flags.wrong = fmt.Errorf("--%s and --%s are given for one filter flag", other, m.name)
		}
	}
	m.flags.pending = append(m.flags.pending, m.name)
	return nil
}

// String implements pflag.Value. Like Type, it makes the help that of a bool.
func (m *meaning) String() string { return "false" }

// Type implements pflag.Value.
func (m *meaning) Type() string { return "bool" }
