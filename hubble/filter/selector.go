// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// selector is what is asked of labels in the language of Kubernetes' label selectors: all requirements are to be met.
type selector []requirement

// requirement is what is asked of the label with a key. It is SOURCE:KEY, or KEY of a label of any source.
type requirement struct {
	source, key string
	network     netip.Prefix // that the key is, of the source cidr
	operator    operator
	values      []string // of in and notIn
	number      int64    // of greater and less
}

type operator uint8

const (
	exists operator = iota
	absent
	in
	notIn
	greater
	less
)

// Sources of labels that mean something here.
const (
	anySource      = "any" // of a selector: of whatever source
	cidrSource     = "cidr"
	reservedSource = "reserved"
)

// parseSelector parses a selector. The empty one is met by all labels.
//
//	app, !app, app=web, app==web, app!=web, app in (web, api), app notin (web), app>1, app<1, k8s:app=web
func parseSelector(text string) (selector, error) {
	if text == "" {
		return nil, nil
	}
	var all selector
	rest := tokens(text)
	for {
		r, err := rest.requirement()
		if err != nil {
			return nil, err
		}
		all = append(all, r)
		switch t := rest.next(); t {
		case "":
			return all, nil
		case ",":
		default:
			return nil, fmt.Errorf("%q is where a comma or the end is expected", t)
		}
	}
}

// tokens is what is left of a selector.
type tokens string

// symbols are what separates words besides spaces.
const (
	spaces  = " \t\r\n"
	symbols = "=!(),<>"
)

// peek returns the next token, "" at the end: a word or an operator, where there may be two the longer one.
func (t *tokens) peek() string {
	*t = tokens(strings.TrimLeft(string(*t), spaces))
	s := string(*t)
	switch end := strings.IndexAny(s, spaces+symbols); {
	case strings.HasPrefix(s, "=="), strings.HasPrefix(s, "!="):
		return s[:2]
	case end == 0:
		return s[:1]
	case end > 0:
		return s[:end]
	default:
		return s
	}
}

// next takes the next token.
func (t *tokens) next() string {
	token := t.peek()
	*t = (*t)[len(token):]
	return token
}

// requirement takes a requirement.
func (t *tokens) requirement() (r requirement, err error) {
	if t.peek() == "!" {
		t.next()
		r.operator = absent
	}
	if err := r.setKey(t.next()); err != nil {
		return r, err
	}
	if r.operator == absent {
		return r, nil
	}
	switch t.peek() {
	case "", ",":
		return r, nil
	}
	switch operator := t.next(); operator {
	case "=", "==":
		r.operator, r.values = in, []string{t.value()}
	case "!=":
		r.operator, r.values = notIn, []string{t.value()}
	case "in":
		r.operator = in
		r.values, err = t.list()
	case "notin":
		r.operator = notIn
		r.values, err = t.list()
	case ">", "<":
		r.operator = greater
		if operator == "<" {
			r.operator = less
		}
		r.values = []string{t.value()}
		if r.number, err = strconv.ParseInt(r.values[0], 10, 64); err != nil {
			return r, fmt.Errorf("%q is not a number", r.values[0])
		}
	default:
		return r, fmt.Errorf("%q is where an operator is expected", operator)
	}
	if err != nil {
		return r, err
	}
	for _, value := range r.values {
		if len(value) > maxName || !validValue.MatchString(value) {
			return r, fmt.Errorf("%q is not a value of a label", value)
		}
	}
	return r, nil
}

// value takes a value, which may be empty. If there is none, what is there is left for who comes next.
func (t *tokens) value() string {
	if token := t.peek(); token == "" || strings.Contains(symbols, token[:1]) {
		return ""
	}
	return t.next()
}

// list takes values in parentheses.
func (t *tokens) list() (values []string, err error) {
	if token := t.next(); token != "(" {
		return nil, fmt.Errorf("%q is where ( is expected", token)
	}
	for {
		values = append(values, t.value())
		switch token := t.next(); token {
		case ",":
		case ")":
			return values, nil
		default:
			return nil, fmt.Errorf("%q is where a comma or ) is expected", token)
		}
	}
}

// What Kubernetes takes for the name of a label, for what may be before it with a slash, and for a value.
var (
	validName   = regexp.MustCompile(`^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$`)
	validPrefix = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	validValue  = regexp.MustCompile(`^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$`)
)

const (
	maxName   = 63
	maxPrefix = 253
)

// setKey sets the key. As in Cilium's Hubble the source and the key are together a key of Kubernetes, which has no colons:
// SOURCE.KEY, whose source ends at the first dot.
func (r *requirement) setKey(text string) error {
	whole := strings.Replace(text, ":", ".", 1)
	if whole == text {
		whole = anySource + "." + text
	}
	name := whole
	if prefix, behind, ok := strings.Cut(whole, "/"); ok {
		if len(prefix) > maxPrefix || !validPrefix.MatchString(prefix) {
			return fmt.Errorf("%q is not a key of a label", text)
		}
		name = behind
	}
	if len(name) > maxName || !validName.MatchString(name) {
		return fmt.Errorf("%q is not a key of a label", text)
	}
	var ok bool
	if r.source, r.key, ok = strings.Cut(whole, "."); !ok {
		r.source, r.key = anySource, whole
	}
	if r.source == cidrSource {
		r.network, _ = parseNetwork(r.key) // what is none is met by no label
	}
	return nil
}

// matches tells whether labels, as SOURCE:KEY=VALUE, meet all requirements.
func (s selector) matches(labels []string) bool {
	for i := range s {
		if !s[i].matches(labels) {
			return false
		}
	}
	return true
}

func (r *requirement) matches(labels []string) bool {
	value, ok := r.lookup(labels)
	switch r.operator {
	case exists:
		return ok
	case absent:
		return !ok
	case in:
		return ok && slices.Contains(r.values, value)
	case notIn:
		return !ok || !slices.Contains(r.values, value)
	case greater, less:
		number, err := strconv.ParseInt(value, 10, 64)
		return ok && err == nil && number != r.number && (number > r.number) == (r.operator == greater)
	default:
		return false
	}
}

// lookup returns the value of the first label with the key.
func (r *requirement) lookup(labels []string) (value string, ok bool) {
	for _, text := range labels {
		l := parseLabel(text)
		if (r.source == anySource || r.source == l.source) && r.is(l.key) {
			return l.value, true
		}
	}
	return "", false
}

// is tells whether a key of a label is that of the requirement. That of a network is those of all networks that it is in.
func (r *requirement) is(key string) bool {
	if r.source != cidrSource {
		return key == r.key
	}
	has, err := parseNetwork(key)
	return err == nil && r.network.IsValid() && r.network.Bits() <= has.Bits() && r.network.Contains(has.Addr())
}
