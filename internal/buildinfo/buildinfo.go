// SPDX-License-Identifier: Apache-2.0

// Package buildinfo tells which version of this module is in the program, from what the Go
// toolchain writes into each binary.
package buildinfo

import (
	"runtime/debug"
	"slices"
	"sync"
)

const modulePath = "github.com/cilium/monitor"

// Unknown is in place of what the binary does not say.
const Unknown = "unknown"

// Info is what a program was built from.
type Info struct {
	Version   string // of this module: that of a tag or of a commit, "(devel)" without version control
	Revision  string // the commit, if this module is the program's own
	Time      string // of the commit, as RFC 3339
	Modified  bool   // there were changes that are not in the commit
	GoVersion string // as in "go1.26.1"
}

// Read returns what this program was built from.
var Read = sync.OnceValue(func() Info {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return Info{Version: Unknown, Revision: Unknown, Time: Unknown, GoVersion: Unknown}
	}
	return infoOf(build)
})

// infoOf looks for this module: it is the program's, or one of those that it depends on.
func infoOf(build *debug.BuildInfo) Info {
	info := Info{Version: Unknown, Revision: Unknown, Time: Unknown, GoVersion: build.GoVersion}
	if build.Main.Path == modulePath {
		info.Version = version(build.Main.Version)
		for _, s := range build.Settings {
			switch s.Key {
			case "vcs.revision":
				info.Revision = s.Value
			case "vcs.time":
				info.Time = s.Value
			case "vcs.modified":
				info.Modified = s.Value == "true"
			}
		}
		return info
	}
	i := slices.IndexFunc(build.Deps, func(m *debug.Module) bool { return m.Path == modulePath })
	if i >= 0 {
		module := build.Deps[i]
		if module.Replace != nil {
			module = module.Replace
		}
		info.Version = version(module.Version)
	}
	return info
}

// version returns a module's version, which a directory that replaces a module has none of.
func version(v string) string {
	if v == "" {
		return Unknown
	}
	return v
}
