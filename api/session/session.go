// SPDX-License-Identifier: Apache-2.0

// Package session has the wire format of the monitor API 1.3. docs/api-1.3.md describes it for those
// who implement it in another language.
//
// A connection is one session. The client writes one [Request], the agent answers with a [Greeting], and then
// with what was asked for: events and losses, each with its time, and changes of the [Dictionary], which
// says what numbers in events stand for. All of it is in frames:
//
//	length    4 bytes: of the body
//	kind      1 byte
//	reserved  3 bytes: 0, which readers do not look at
//	body
//
// Numbers are little-endian. The samples in events are as the datapath wrote them: in the byte order of the
// agent's machine, which the greeting tells.
//
// Either side can be newer than the other. Readers skip frames of kinds that they do not know, members of JSON
// objects that they do not know, and bytes behind the last field that they know of a binary body.
package session

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/cilium/monitor/api/payload"
)

// Version is the version of the API that this package speaks. Versions that begin with the same number
// understand each other.
const Version = "1.3"

// Kind is what a frame has in its body.
type Kind uint8

const (
	KindRequest    Kind = 1 // a [Request], JSON: the only frame that a client sends
	KindGreeting   Kind = 2 // a [Greeting], JSON: the first frame of an agent that takes the request
	KindDictionary Kind = 3 // changes of the [Dictionary], JSON
	KindEvent      Kind = 4 // an [Event]
	KindLoss       Kind = 5 // a [Loss]
	KindRefusal    Kind = 6 // a [Refusal], JSON: the last frame of an agent
	KindLive       Kind = 7 // empty: the history ends here, what follows is live
	KindEnd        Kind = 8 // empty: all that was asked for is delivered, the last frame of an agent
	KindSkipped    Kind = 9 // how many events the request does not ask for, see [AppendSkipped]
)

const (
	// MaxRequestSize is the size in bytes of the largest body of a request.
	MaxRequestSize = 64 << 10

	// MaxDictionarySize is the size in bytes of the largest body of a greeting, or of changes of a dictionary. It also
	// bounds a whole [Dictionary]: the bytes of its texts, and 16 for each of them.
	MaxDictionarySize = 4 << 20

	// MaxBodySize is the size in bytes of the largest body of any frame.
	MaxBodySize = payload.MaxMessageSize

	// maxRefusalSize is the size in bytes of the largest body of a refusal, which people are to read.
	maxRefusalSize = 16 << 10
)

var (
	// ErrNotASession is returned for a stream that does not begin as a session does.
	ErrNotASession = errors.New("not a monitor API 1.3 stream")

	// ErrCorrupt is returned for a frame that contradicts itself or those before it. The stream can't be read any
	// further.
	ErrCorrupt = errors.New("corrupt frame")
)

// SocketPath returns where an agent that serves the API 1.2 at path serves this one: beside it, with "1_3" in the
// name instead of "1_2", or before the extension of a name that has no "1_2".
func SocketPath(path string) string {
	dir, name := filepath.Split(path)
	if i := strings.LastIndex(name, "1_2"); i >= 0 {
		return dir + name[:i] + "1_3" + name[i+len("1_2"):]
	}
	extension := filepath.Ext(name)
	return dir + strings.TrimSuffix(name, extension) + "1_3" + extension
}
