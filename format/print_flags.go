// SPDX-License-Identifier: Apache-2.0

package format

import "github.com/spf13/pflag"

// Names of the flags.
const (
	flagVerbose = "verbose"
	flagOutput  = "output"
	flagJSON    = "json"
	flagHex     = "hex"
	flagNumeric = "numeric"
)

// PrintFlags are the command line flags that say how events are printed.
type PrintFlags struct{ fs *pflag.FlagSet }

// NewPrintFlags adds the flags to a flag set.
func NewPrintFlags(fs *pflag.FlagSet) PrintFlags {
	fs.VarP(new(Output), flagOutput, "o", "compact, for people; cilium, the same bytes as cilium monitor; json, for scripts")
	fs.CountP(flagVerbose, "v", "-v: debug and trace-sock events, too; -vv: the whole packet, layer by layer")
	fs.BoolP(flagJSON, "j", false, "the same as -o json: an object on each line, with all events and all fields")
	fs.Bool(flagHex, false, "as -vv, with a hex dump of the packet in place of its layers; not with -o json")
	fs.BoolP(flagNumeric, "n", false, "reserved identities as numbers (2, not world)")
	return PrintFlags{fs}
}

// PrintFlagsOf returns the flags that NewPrintFlags added to a flag set.
func PrintFlagsOf(fs *pflag.FlagSet) PrintFlags { return PrintFlags{fs} }

// Options returns what the parsed flags ask for, for events that the filter lets through.
func (pf PrintFlags) Options(filter *Filter) Options {
	verbose, _ := pf.fs.GetCount(flagVerbose)
	return Options{
		Output:  pf.Output(),
		Level:   filter.Level(min(Level(verbose), LevelVerbose)),
		Hex:     pf.isSet(flagHex),
		Numeric: pf.isSet(flagNumeric),
	}
}

// Output returns the output that the parsed flags ask for.
func (pf PrintFlags) Output() Output {
	if pf.isSet(flagJSON) {
		return OutputJSON
	}
	return *pf.fs.Lookup(flagOutput).Value.(*Output)
}

func (pf PrintFlags) isSet(name string) bool {
	set, _ := pf.fs.GetBool(name)
	return set
}
