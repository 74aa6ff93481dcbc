// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// byteSize is a number of bytes as the value of a flag: 4096, 500K, 100M, 1G.
type byteSize int64

var byteUnits = []struct {
	name string
	size int64
}{{"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {"", 1}}

// Set implements pflag.Value.
func (b *byteSize) Set(text string) error {
	for _, unit := range byteUnits {
		number, ok := strings.CutSuffix(strings.ToUpper(text), unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || n <= 0 || n > math.MaxInt64/unit.size {
			break
		}
		*b = byteSize(n * unit.size)
		return nil
	}
	return errors.New("it is a number of bytes above 0, such as 500K, 100M or 1G")
}

// String implements pflag.Value.
func (b *byteSize) String() string {
	if *b == 0 {
		return ""
	}
	for _, unit := range byteUnits {
		if int64(*b)%unit.size == 0 {
			return strconv.FormatInt(int64(*b)/unit.size, 10) + unit.name
		}
	}
	panic("a number that 1 does not divide")
}

// Type implements pflag.Value.
func (b *byteSize) Type() string { return "SIZE" }
