// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"

	"github.com/cilium/monitor/api"
)

// RateLimit is how many events of a message type are made in all, whatever the number of CPUs: Rate a second and, after a
// while with fewer, Burst at once. A Rate of 0 is no limit.
type RateLimit struct {
	Rate, Burst uint32
}

// MaxRate is the largest [RateLimit.Rate]. No machine makes more events.
const MaxRate = 10_000_000

// RateLimits are those of the message types that the datapath makes: drop, trace and policy-verdict. Each type has
// tokens of its own. A type that is not there has no limit.
type RateLimits map[uint8]RateLimit

// limitedTypes are the message types that there can be limits for.
var limitedTypes = []uint8{api.MessageTypeDrop, api.MessageTypeTrace, api.MessageTypePolicyVerdict}

// ParseRateLimits parses what the flags --events-rate-limit and --events-burst are: a number for all types, or
// TYPE=NUMBER for one, or several of these with commas in between, where one for a type goes before the one for all. A
// rate of 0, or none, is no limit. A burst of 0, or none, is what the rate allows in a second.
func ParseRateLimits(rates, bursts string) (RateLimits, error) {
	rateOf, err := parseByType(rates, MaxRate)
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", flagRateLimit, err)
	}
	burstOf, err := parseByType(bursts, math.MaxUint32)
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", flagBurst, err)
	}
	limits := RateLimits{}
	for _, typ := range limitedTypes {
		rate, burst := rateOf.number(typ), burstOf.number(typ)
		switch {
		case rate > 0 && burst > 0:
			limits[typ] = RateLimit{Rate: rate, Burst: burst}
		case rate > 0:
			limits[typ] = RateLimit{Rate: rate, Burst: rate}
		case burstOf.named[typ] > 0:
			return nil, fmt.Errorf("--%s: %s events have no limit in --%s", flagBurst, api.MessageTypeName(int(typ)), flagRateLimit)
		}
	}
	if bursts != "" && len(limits) == 0 {
		return nil, fmt.Errorf("--%s needs --%s", flagBurst, flagRateLimit)
	}
	return limits, nil
}

// byType is a number for each message type.
type byType struct {
	all   uint32
	named map[uint8]uint32
}

func (n byType) number(typ uint8) uint32 {
	if number, ok := n.named[typ]; ok {
		return number
	}
	return n.all
}

func parseByType(text string, most uint64) (numbers byType, err error) {
	numbers.named = make(map[uint8]uint32)
	if text == "" {
		return numbers, nil
	}
	given := make(map[string]bool)
	for part := range strings.SplitSeq(text, ",") {
		name, value, named := strings.Cut(strings.TrimSpace(part), "=")
		if !named {
			name, value = "", name
		}
		n, err := strconv.ParseUint(value, 10, 64)
		if err != nil || n > most {
			return byType{}, fmt.Errorf("%q: %q is no number from 0 to %d", text, value, most)
		}
		if given[name] {
			return byType{}, fmt.Errorf("%q has two numbers for the same events", text)
		}
		given[name] = true
		if !named {
			numbers.all = uint32(n)
			continue
		}
		typ, err := parseLimitedType(name)
		if err != nil {
			return byType{}, fmt.Errorf("%q: %w", text, err)
		}
		numbers.named[typ] = uint32(n)
	}
	return numbers, nil
}

func parseLimitedType(name string) (uint8, error) {
	var names []string
	for _, typ := range limitedTypes {
		names = append(names, api.MessageTypeName(int(typ)))
	}
	if i := slices.Index(names, name); i >= 0 {
		return limitedTypes[i], nil
	}
	return 0, fmt.Errorf("%q is none of the types that the embedded datapath makes: %s", name, strings.Join(names, ", "))
}

// set has the programs keep to the limits.
func (limits RateLimits) set(spec *ebpf.CollectionSpec) error {
	const second = 1_000_000_000 // nanoseconds
	var rates [eventTypes]hostMonitorRate
	for typ, limit := range limits {
		switch {
		case !slices.Contains(limitedTypes, typ):
			return fmt.Errorf("a rate limit of %s events, which the datapath does not make", api.MessageTypeName(int(typ)))
		case limit.Rate > MaxRate || limit.Rate > 0 && limit.Burst == 0:
			return fmt.Errorf("a rate limit of %d %s events a second and %d at once", limit.Rate, api.MessageTypeName(int(typ)), limit.Burst)
		case limit.Rate > 0:
			interval := (second + uint64(limit.Rate)/2) / uint64(limit.Rate)
			rates[typ] = hostMonitorRate{Interval: interval, Burst: interval * uint64(limit.Burst)}
		}
	}
	return spec.Variables[hostVarRateLimits].Set(rates)
}

// eventTypes is EVENT_TYPES of events.h.
const eventTypes = api.MessageTypePolicyVerdict + 1
