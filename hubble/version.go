// SPDX-License-Identifier: Apache-2.0

package hubble

import (
	"strings"
	"sync"

	"google.golang.org/grpc/metadata"

	"github.com/cilium/monitor/internal/buildinfo"
)

// versionKey is the metadata by which the hubble command line knows the version of the server.
const versionKey = "hubble-server-version"

// unknownVersion is what a server of no version says: the command line warns of a server that is newer than itself.
const unknownVersion = "0.0.0"

// semVer returns the version as the command line can read it.
var semVer = sync.OnceValue(func() string {
	if v, tagged := strings.CutPrefix(buildinfo.Read().Version, "v"); tagged {
		return v
	}
	return unknownVersion
})

func versionHeader() metadata.MD { return metadata.Pairs(versionKey, semVer()) }

// serverVersion is what people see.
func serverVersion() string { return "monitor " + buildinfo.Read().Version }
