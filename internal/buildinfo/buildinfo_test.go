// SPDX-License-Identifier: Apache-2.0

package buildinfo

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRead(t *testing.T) {
	require.Equal(t, runtime.Version(), Read().GoVersion)
	require.NotEmpty(t, Read().Version)
}

// TestInfoOf has the module as the program's own, and as one that another program uses.
func TestInfoOf(t *testing.T) {
	monitor := debug.Module{Path: modulePath, Version: "v1.2.3"}
	other := debug.Module{Path: "example.com/agent", Version: "v9.9.9"}
	vcs := []debug.BuildSetting{
		{Key: "vcs.revision", Value: "469425507"}, {Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}, {Key: "vcs.modified", Value: "true"},
	}
	replaced := monitor
	replaced.Replace = &debug.Module{Path: "../monitor"}
	for name, test := range map[string]struct {
		build debug.BuildInfo
		want  Info
	}{
		"own":                 {debug.BuildInfo{Main: monitor, Settings: vcs}, Info{"v1.2.3", "469425507", "2026-01-02T03:04:05Z", true, "go1.26.0"}},
		"own, not from a VCS": {debug.BuildInfo{Main: debug.Module{Path: modulePath, Version: "(devel)"}}, Info{"(devel)", Unknown, Unknown, false, "go1.26.0"}},
		"another's":           {debug.BuildInfo{Main: other, Deps: []*debug.Module{&monitor}, Settings: vcs}, Info{"v1.2.3", Unknown, Unknown, false, "go1.26.0"}},
		"another's, replaced": {debug.BuildInfo{Main: other, Deps: []*debug.Module{&replaced}}, Info{Unknown, Unknown, Unknown, false, "go1.26.0"}},
		"not there":           {debug.BuildInfo{Main: other}, Info{Unknown, Unknown, Unknown, false, "go1.26.0"}},
	} {
		t.Run(name, func(t *testing.T) {
			test.build.GoVersion = "go1.26.0"
			require.Equal(t, test.want, infoOf(&test.build))
		})
	}
}
