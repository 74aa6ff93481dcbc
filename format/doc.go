// SPDX-License-Identifier: Apache-2.0

// Package format prints, filters and counts monitor events.
//
// An [Event] is a payload that was decoded. It is decoded once, into the same
// memory for each payload, and shared by a [Filter], a [Formatter] and a
// [Summary]; for everyday events of the datapath none of them allocates:
//
//	ev := format.NewEvent(nil)
//	f := format.New(format.Options{})
//	var line []byte
//	for each payload pl {
//		ev.Decode(pl)
//		if filter.Match(ev) {
//			line = f.Append(line[:0], ev)
//			os.Stdout.Write(line)
//		}
//	}
//
// There are three outputs: lines for people, the lines of "cilium monitor", byte for byte, and JSON with
// its keys, since scripts parse them. Text that comes from outside (agent
// messages, URLs, DNS names, names of interfaces) is escaped: what is printed is valid UTF-8
// without control characters, without characters that change the direction of text or cannot
// be seen, so an event cannot drive the terminal and a line is one line. Passwords in URLs
// are replaced.
//
// Nothing is dropped silently: a sample that cannot be decoded becomes a line that
// says what is wrong with it, and lost events a line that counts them.
package format
