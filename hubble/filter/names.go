// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	flowpb "github.com/cilium/cilium/api/v1/flow"
)

// addNames adds what is asked of DNS names.
func addNames(o *one, ff *flowpb.FlowFilter) error {
	for _, side := range []struct {
		patterns []string
		of       func(*flowpb.Flow) []string
	}{
		{ff.GetSourceFqdn(), (*flowpb.Flow).GetSourceNames},
		{ff.GetDestinationFqdn(), (*flowpb.Flow).GetDestinationNames},
	} {
		if len(side.patterns) == 0 {
			continue
		}
		wanted, err := o.budget.compileAny(side.patterns, fqdnPattern)
		if err != nil {
			return fmt.Errorf("invalid FQDN filter: %w", err)
		}
		o.need(func(f *flowpb.Flow) bool { return slices.ContainsFunc(side.of(f), wanted.MatchString) })
	}
	if len(ff.GetDnsQuery()) > 0 {
		wanted, err := o.budget.compileAll(ff.GetDnsQuery())
		if err != nil {
			return fmt.Errorf("invalid DNS query filter: %w", err)
		}
		o.types.only(accessLogType)
		o.need(func(f *flowpb.Flow) bool {
			dns := f.GetL7().GetDns()
			return dns != nil && wanted.match(dns.GetQuery())
		})
	}
	return nil
}

// defaultCluster is the cluster of nodes whose name has none.
const defaultCluster = "default"

// addNodeNames adds what is asked of the name of the node.
func addNodeNames(o *one, ff *flowpb.FlowFilter) error {
	if len(ff.GetNodeName()) == 0 {
		return nil
	}
	wanted, err := o.budget.compileAny(ff.GetNodeName(), nodePattern)
	if err != nil {
		return fmt.Errorf("invalid node name filter: %w", err)
	}
	o.need(func(f *flowpb.Flow) bool {
		name := f.GetNodeName()
		if name == "" {
			return false
		}
		if !strings.Contains(name, "/") {
			name = defaultCluster + "/" + name
		}
		return wanted.MatchString(name)
	})
	return nil
}

var (
	errEmptyPattern   = errors.New("empty pattern")
	errTrailingDots   = errors.New("multiple trailing dots in pattern")
	errTooManySlashes = errors.New("too many slashes in pattern")
)

// compileAny returns the expression of texts that match any pattern as a whole, if the budget has its cost. expression returns
// that of one pattern.
func (b *budget) compileAny(patterns []string, expression func(string) (string, error)) (*regexp.Regexp, error) {
	var all []string
	for _, pattern := range patterns {
		e, err := expression(pattern)
		if err != nil {
			return nil, fmt.Errorf("pattern %q: %w", pattern, err)
		}
		if err := b.spend(e); err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return regexp.Compile(`\A(?:` + strings.Join(all, "|") + `)\z`)
}

// fqdnPattern returns the expression of a pattern of names, in which * stands for any number of characters of a name, dots
// too. Case, spaces around it and a dot at its end do not matter.
func fqdnPattern(pattern string) (string, error) {
	pattern = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(pattern), "."))
	switch {
	case pattern == "":
		return "", errEmptyPattern
	case strings.HasSuffix(pattern, "."):
		return "", errTrailingDots
	}
	var e strings.Builder
	for _, r := range pattern {
		switch {
		case r == '.':
			e.WriteString(`\.`)
		case r == '*':
			e.WriteString(`[-.0-9a-z]*`)
		case r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z':
			e.WriteRune(r)
		default:
			return "", fmt.Errorf("%q can't be in a pattern", r)
		}
	}
	return e.String(), nil
}

// anyFQDN is the expression of any name.
const anyFQDN = `(?:[-0-9_a-z]+(?:\.[-0-9_a-z]+)*)`

// nodePattern returns the expression of CLUSTER/NODE, patterns of which either can be empty, for any; NODE alone is that
// in any cluster.
func nodePattern(pattern string) (string, error) {
	if pattern == "" {
		return "", errEmptyPattern
	}
	cluster, node, ok := strings.Cut(pattern, "/")
	switch {
	case !ok:
		cluster, node = "", pattern
	case strings.Contains(node, "/"):
		return "", errTooManySlashes
	}
	parts := []string{cluster, node}
	for i, part := range parts {
		if part == "" {
			parts[i] = anyFQDN
			continue
		}
		e, err := fqdnPattern(part)
		if err != nil {
			return "", err
		}
		parts[i] = e
	}
	return strings.Join(parts, "/"), nil
}
