// SPDX-License-Identifier: Apache-2.0

package inert

import (
	"bytes"
	"strings"
)

// atInJSON is "@" as some encoders of JSON write it.
const atInJSON = `\u0040`

// Redact replaces the passwords of URLs in text by "xxxxx", as url.URL.Redacted does. What it
// does not change it does not copy.
//
// A password is what stands between ":" and "@" behind "//". These may be percent-encoded, as in
// the query of another URL, and the slashes and "@" escaped as in JSON.
func Redact(text string) string {
	if !strings.Contains(text, "@") && !strings.Contains(text, "%40") && !strings.Contains(text, atInJSON) {
		return text
	}
	var b strings.Builder
	done := 0
	for from := 0; ; {
		start, end := password(text, from)
		if start < 0 {
			break
		}
		b.WriteString(text[done:start])
		b.WriteString("xxxxx")
		done, from = end, end
	}
	if done == 0 {
		return text
	}
	b.WriteString(text[done:])
	return b.String()
}

// RedactBytes returns data with each byte of a password replaced by "x", so that all stays where
// it is. It does not change data.
func RedactBytes(data []byte) []byte {
	text := string(data)
	out := data
	for from := 0; ; {
		start, end := password(text, from)
		if start < 0 {
			return out
		}
		if from == 0 {
			out = bytes.Clone(data)
		}
		for i := start; i < end; i++ {
			out[i] = 'x'
		}
		from = end
	}
}

// password returns where the first password is in text[from:], -1 if there is none.
func password(text string, from int) (start, end int) {
	for i := from; i < len(text); {
		userinfo, encoded := slashes(text, i)
		if userinfo == 0 {
			i++
			continue
		}
		if start, end, i = passwordAt(text, userinfo, encoded); end > start {
			return start, end
		}
	}
	return -1, -1
}

// slashes returns what is behind two slashes at i, 0 if there are none, and whether they are
// percent-encoded.
func slashes(text string, i int) (behind int, encoded bool) {
	text = text[i:]
	for _, two := range []string{"//", `\/\/`, `/\/`} {
		if strings.HasPrefix(text, two) {
			return i + len(two), false
		}
	}
	if len(text) >= len("%2F%2F") && strings.EqualFold(text[:len("%2F%2F")], "%2F%2F") {
		return i + len("%2F%2F"), true
	}
	return 0, false
}

// passwordAt returns where the password is of the URL whose authority begins at i; end is not
// behind start if it has none. In what comes before next there is no other URL with one.
//
// A password can have characters that end an authority, so that the URL is none. What is
// behind the colon is taken for one unless it can be the number of a port.
func passwordAt(text string, i int, encoded bool) (start, end, next int) {
	start, end = len(text), -1
	if strings.HasPrefix(text[i:], "[") {
		return start, end, i // an IPv6 address
	}
	port, broken := true, false
	for i < len(text) {
		c, size := character(text, i, encoded || broken)
		switch {
		case endsWord(c), encoded && c == '&':
			return start, end, i
		case c == '/', c == '?', c == '#':
			if port || end >= 0 && !broken {
				return start, end, i
			}
			broken = true
		case c == ':' && start == len(text):
			start = i + size
		case c == '@' && start == len(text):
			return start, end, i
		case c == '@':
			end = i
		}
		if i >= start && (c < '0' || c > '9') {
			port = false
		}
		i += size
	}
	return start, end, i
}

// character returns the character at i, decoded if that is what delimits the parts of a URL.
func character(text string, i int, encoded bool) (c byte, size int) {
	if encoded && i+3 <= len(text) && text[i] == '%' {
		switch strings.ToUpper(text[i+1 : i+3]) {
		case "2F":
			return '/', 3
		case "3A":
			return ':', 3
		case "3F":
			return '?', 3
		case "23":
			return '#', 3
		case "40":
			return '@', 3
		}
	}
	if strings.HasPrefix(text[i:], atInJSON) {
		return '@', len(atInJSON)
	}
	return text[i], 1
}

// endsWord tells whether c cannot be in a URL, and ends it where it is in a sentence or in quotes.
func endsWord(c byte) bool {
	switch c {
	case ' ', '\t', '\n', '\r', '"', '<', '>':
		return true
	default:
		return false
	}
}
