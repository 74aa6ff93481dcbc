// SPDX-License-Identifier: Apache-2.0

package inert_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/internal/inert"
)

func TestString(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "",
		"plain 1":                  "plain 1",
		"é 日本 😀 \ufffd":            "é 日本 😀 \ufffd",
		"a\nb\tc":                  `a\nb\tc`,
		"\x00\r\x1b[2J\x7f":        `\u0000\u000d\u001b[2J\u007f`,
		"\u0085\u009b":             `\u0085\u009b`,
		"\xff\xc0":                 `\xff\xc0`,
		"a\u202eb\u2066\u200b":     `a\u202eb\u2066\u200b`,
		"\u3164\u034f\u2800\ufe0f": `\u3164\u034f\u2800\ufe0f`,
		"\U000e0041":               `\U000e0041`,
		"\u00a0\u2028":             `\u00a0\u2028`,
		"http://a:b@c/":            "http://a:xxxxx@c/",
		"50% of a@b.org":           "50% of a@b.org",
	} {
		require.Equal(t, want, inert.String(text), "%q", text)
		require.Equal(t, "x"+want, string(inert.Append([]byte("x"), text)), "%q", text)
	}
	require.Equal(t, "a\\u001b\nb\n\nc", inert.Lines("a\x1b\nb\n\nc"))
}

func TestWriter(t *testing.T) {
	var b strings.Builder
	n, err := inert.Writer(&b).Write([]byte("a\x1b\nhttp://u:p@h\n"))
	require.NoError(t, err)
	require.Equal(t, 16, n)
	require.Equal(t, "a\\u001b\nhttp://u:xxxxx@h\n", b.String())
}

func TestRedact(t *testing.T) {
	for text, want := range map[string]string{
		// Nothing to hide.
		"http://example.com:80/a@b":        "http://example.com:80/a@b",
		"http://user@example.com:80/":      "http://user@example.com:80/",
		"http://[fd00::1]:80/a@b":          "http://[fd00::1]:80/a@b",
		"http://a:80 by bob@example.com":   "http://a:80 by bob@example.com",
		"http://a:80?to=bob@example.com":   "http://a:80?to=bob@example.com",
		"a:b@c // d":                       "a:b@c // d",
		"http://user:@host":                "http://user:@host",
		"http://a, note: x@y":              "http://a, note: x@y",
		"/a?u=http%3A%2F%2Fb%3A80%2Fc%40d": "/a?u=http%3A%2F%2Fb%3A80%2Fc%40d",
		"/a?u=http%3A%2F%2Fb%3Ac&to=x%40y": "/a?u=http%3A%2F%2Fb%3Ac&to=x%40y",
		// Passwords.
		"http://user:secret@h/":               "http://user:xxxxx@h/",
		"http://user:se:cret@h/":              "http://user:xxxxx@h/",
		"http://user:se@cret@h/p@q":           "http://user:xxxxx@h/p@q",
		"http://user:123@h":                   "http://user:xxxxx@h",
		"http://:secret@h":                    "http://:xxxxx@h",
		"//user:secret@h":                     "//user:xxxxx@h",
		"two http://a:b@c ftp://d:e@f.":       "two http://a:xxxxx@c ftp://d:xxxxx@f.",
		`"http:\/\/user:secret@h"`:            `"http:\/\/user:xxxxx@h"`,
		`"http://user:secret\u0040h"`:         `"http://user:xxxxx\u0040h"`,
		"/?u=http%3A%2F%2Fu%3Asecret%40h%2Fa": "/?u=http%3A%2F%2Fu%3Axxxxx%40h%2Fa",
		"/?u=http%3a%2f%2fu:secret@h&a=b":     "/?u=http%3a%2f%2fu:xxxxx@h&a=b",
		"http://user:se%40cr%2Fet@h/":         "http://user:xxxxx@h/",
		"http://user:s\x1be\xffcret@h":        "http://user:xxxxx@h",
		// No URLs, but meant as such.
		"http://user:se/cr?et@h/":               "http://user:xxxxx@h/",
		`parse "http://user:1se#cret@h": wrong`: `parse "http://user:xxxxx@h": wrong`,
	} {
		require.Equal(t, want, inert.Redact(text))
		require.Equal(t, want, inert.Redact(want), "again")
		require.Len(t, inert.RedactBytes([]byte(text)), len(text))
		require.NotContains(t, string(inert.RedactBytes([]byte(text))), "cret")
	}
	data := []byte("http://u:secret@h")
	require.Equal(t, "http://u:xxxxxx@h", string(inert.RedactBytes(data)))
	require.Equal(t, "http://u:secret@h", string(data))
}

func TestJSONValue(t *testing.T) {
	for value, want := range map[string]string{
		`null`:                              `null`,
		`{"a\"\\":[1,"b\u202e"], "c":"\n"}`: `{"a\"\\":[1,"b\u202e"], "c":"\n"}`,
		"{\"\u009b\":\"\x7f\u202e\xff😀\"}":  `{"\u009b":"\u007f\u202e\ufffd😀"}`,
		"\"\U000e0041\"":                    `"\udb40\udc41"`,
		`["http:\/\/u:p\u0040h\"\ud800"]`:   `["http://u:xxxxx@h\"\ufffd"]`,
		`["http://u:p\u0026q@h", "\u003c"]`: `["http://u:xxxxx@h", "\u003c"]`,
	} {
		require.True(t, json.Valid([]byte(value)), value)
		require.Equal(t, want, string(inert.AppendJSONValue(nil, []byte(value))))
	}
}

// FuzzInert checks what must hold for any text.
func FuzzInert(f *testing.F) {
	f.Add("a\x1b\u202e\xff http://u:p@h/ \"\\ \U000e0041")
	f.Add("/?u=http%3A%2F%2Fu%3Asecret%40h%2Fa")
	f.Add(`{"a":["http:\/\/u:p\u0040h\"\ud800"]}`)
	f.Fuzz(func(t *testing.T, text string) {
		requireInert(t, inert.String(text))
		redacted := inert.Redact(text)
		if again := inert.Redact(redacted); again != redacted {
			t.Fatalf("%q, again redacted %q", redacted, again)
		}
		var got string
		inside := string(inert.AppendJSON(nil, text))
		requireInert(t, inside)
		if err := json.Unmarshal([]byte(`"`+inside+`"`), &got); err != nil || got != strings.ToValidUTF8(got, "") {
			t.Fatalf("%q: %v", inside, err)
		}
		if utf8.ValidString(text) && got != redacted {
			t.Fatalf("%q became %q", redacted, got)
		}
		var compact bytes.Buffer
		if json.Compact(&compact, []byte(text)) == nil {
			value := inert.AppendJSONValue(nil, compact.Bytes())
			requireInert(t, string(value))
			if !json.Valid(value) {
				t.Fatalf("no longer JSON: %q", value)
			}
		}
		if len(inert.RedactBytes([]byte(text))) != len(text) {
			t.Fatal("another length")
		}
	})
}

func requireInert(t *testing.T, text string) {
	if !utf8.ValidString(text) {
		t.Fatalf("not UTF-8: %q", text)
	}
	for _, r := range text {
		if !inert.IsPrint(r) {
			t.Fatalf("%q in %q", r, text)
		}
	}
}
