// SPDX-License-Identifier: Apache-2.0

package format

import (
	"errors"
	"fmt"
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

An event that has no value of the kind that a flag asks for (an agent notification
and --port) does not match the flag, and matches it behind --not. Lost events are
always printed, and so are samples that cannot be decoded, unless --type excludes
them. --from, --to and --related-to do not apply to trace-sock events.`

const notFlag = "not"

// FilterFlags are the command line flags that make a [Filter].
type FilterFlags struct {
	criteria []*criterion // one for each flag, in the order of filterFlags
	not      bool         // the next flag is negated
	notTwice bool         // --not was given twice in a row
}

// NewFilterFlags adds the flags to a flag set, which parses them in order: --not
// applies to the one behind it.
func NewFilterFlags(fs *pflag.FlagSet) *FilterFlags {
	ff := &FilterFlags{}
	for _, flag := range filterFlags {
		c := &criterion{flag: flag}
		ff.criteria = append(ff.criteria, c)
		fs.VarP(&criterionFlag{ff, c}, flag.name, flag.shorthand, flag.help())
	}
	fs.Var((*negation)(ff), notFlag, "negate the next filter flag")
	fs.Lookup(notFlag).NoOptDefVal = "true"
	return ff
}

// FilterFlagsOf returns the flags that NewFilterFlags added to a flag set.
func FilterFlagsOf(fs *pflag.FlagSet) *FilterFlags {
	return (*FilterFlags)(fs.Lookup(notFlag).Value.(*negation))
}

// Filter returns the filter that the parsed flags ask for. It is an error if no event
// can ever match it.
func (ff *FilterFlags) Filter() (*Filter, error) {
	switch {
	case ff.notTwice:
		return nil, errors.New("--not is given twice in a row")
	case ff.not:
		return nil, errors.New("--not needs a filter flag behind it")
	}
	f := &Filter{}
	for _, c := range ff.criteria {
		switch {
		case len(c.any)+len(c.none) == 0:
		case c.flag.name == "type":
			f.types = c
		default:
			f.others = append(f.others, c)
		}
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	return f, nil
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

// criterionFlag is the pflag.Value of a criterion.
type criterionFlag struct {
	flags     *FilterFlags
	criterion *criterion
}

// Set adds one or more values.
func (v *criterionFlag) Set(text string) error {
	texts := []string{text}
	if !v.criterion.flag.whole {
		texts = strings.Split(text, ",")
	}
	for _, text := range texts {
		text = strings.TrimSpace(text)
		value, err := v.criterion.flag.parse(text)
		if err != nil {
			return err
		}
		value.text = text
		if v.flags.not {
			v.criterion.none = append(v.criterion.none, value)
		} else {
			v.criterion.any = append(v.criterion.any, value)
		}
	}
	v.flags.not = false
	return nil
}

// String implements pflag.Value. As long as there are no values it is "", so the help
// shows no default.
func (v *criterionFlag) String() string { return v.criterion.String() }

// Type returns the placeholder of a value in the help.
func (v *criterionFlag) Type() string { return v.criterion.flag.placeholder }

// negation is the pflag.Value of --not.
type negation FilterFlags

// Set implements pflag.Value. That it is given twice in a row is for Filter to refuse: who completes
// a command line parses it several times.
func (n *negation) Set(text string) error {
	not, err := strconv.ParseBool(text)
	if err != nil {
		return errors.New("it has no value")
	}
	n.notTwice = n.notTwice || not && n.not
	n.not = not
	return nil
}

// String implements pflag.Value. Like Type, it makes the help that of a bool.
func (n *negation) String() string { return "false" }

// Type implements pflag.Value.
func (n *negation) Type() string { return "bool" }
