// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/format"
)

// layerLines returns the lines of the layers of a packet.
func layerLines(k kind) []string {
	lines := strings.Split(strings.TrimSuffix(print(format.Options{Level: format.LevelVerbose}, k.payload()), "\n"), "\n")
	return slices.DeleteFunc(lines, func(l string) bool { return !strings.Contains(l, "\t{") })
}

var (
	field   = regexp.MustCompile(` \w+=[^\[\] }]+`) // that is no list
	cutNote = regexp.MustCompile(` cut: (\d+) of (\d+) bytes captured$`)
)

// withoutPayload returns the text of a layer without what it shows of the bytes.
func withoutPayload(line string) string {
	for _, name := range []string{"Contents=[", "Payload=[", "Encrypted=["} {
		if before, after, ok := strings.Cut(line, name); ok {
			_, after, _ = strings.Cut(after, "]")
			line = before + after
		}
	}
	return line
}

// TestTruncated cuts packets of all kinds after each byte: the headers that are still whole stay as they are, and
// of the one that is cut it is said.
func TestTruncated(t *testing.T) {
	cuts := 0
	for _, k := range kinds {
		whole := layerLines(k)
		if slices.ContainsFunc(whole, func(l string) bool { return strings.Contains(l, "malformed") }) {
			continue
		}
		for n := len(k.packet) - 1; n > 0; n-- {
			cut := kind{k.name, k.packet[:n], k.flags}
			lines := layerLines(cut)
			if len(lines) > len(whole) && strings.HasPrefix(k.name, "no ") {
				lines = lines[:len(whole)] // what shows that it is no tunnel is cut off
			}
			require.LessOrEqual(t, len(lines), len(whole), k.name)
			for i, line := range lines {
				require.NotContains(t, line, "malformed", "%s, %d bytes", k.name, n)
				note := cutNote.FindStringSubmatch(line)
				if note == nil {
					require.Equal(t, withoutPayload(whole[i]), withoutPayload(line), "%s, %d bytes", k.name, n)
					continue
				}
				cuts++
				require.Equal(t, len(lines)-1, i, "%s, %d bytes: something follows what is cut", k.name, n)
				got, size := number(t, note[1]), number(t, note[2])
				require.Less(t, got, size)
				for _, field := range field.FindAllString(withoutPayload(line), -1) {
					require.Contains(t, whole[i], field, "%s, %d bytes", k.name, n)
				}
			}
			line := print(format.Options{}, cut.payload())
			require.Equal(t, 1, strings.Count(line, "\n"))
			require.NotContains(t, line, "[malformed]", "%s, %d bytes", k.name, n)
		}
	}
	require.Greater(t, cuts, 1000)
}

func number(t *testing.T, s string) int {
	n, err := strconv.Atoi(s)
	require.NoError(t, err)
	return n
}

// TestInnerDamage changes a byte of packets of all kinds: the headers in front of it stay as they are, whatever becomes
// of those behind.
func TestInnerDamage(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	changed := 0
	for _, k := range kinds {
		whole := layerLines(k)
		ends := headerEnds(whole)
		for at := range k.packet {
			damaged := kind{k.name, slices.Clone(k.packet), k.flags}
			damaged.packet[at] ^= byte(1 + random.IntN(255))
			lines := layerLines(damaged)
			for i, end := range ends {
				if end > at {
					break
				}
				changed++
				require.Less(t, i, len(lines), "%s, byte %d", k.name, at)
				require.Equal(t, withoutPayload(whole[i]), withoutPayload(lines[i]), "%s, byte %d", k.name, at)
			}
		}
	}
	require.Greater(t, changed, 5_000)
}

var contents = regexp.MustCompile(`\{Contents=\[(?:\.\.(\d+)\.\.|([^]]*))\]`)

// headerEnds returns where in the packet the headers of the lines end, or less.
func headerEnds(lines []string) []int {
	var ends []int
	end := 0
	for _, line := range lines {
		m := contents.FindStringSubmatch(line)
		switch {
		case end == math.MaxInt:
		case strings.HasPrefix(line, "IGMP"): // which says nothing of its length
			end = math.MaxInt
		case m[1] != "":
			n, _ := strconv.Atoi(m[1])
			end += n
		case m[2] != "":
			end += strings.Count(m[2], ",") + 1
		}
		ends = append(ends, end)
		if strings.HasPrefix(line, "ICMPv6") { // which has more fields than it shows
			end = math.MaxInt
		}
	}
	return ends
}
