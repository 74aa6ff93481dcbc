// SPDX-License-Identifier: Apache-2.0

package metrics

import "github.com/cilium/monitor/internal/buildinfo"

func (out output) build() {
	info := buildinfo.Read()
	out.gauge(buildInfo, 1, info.Version, info.Revision, info.GoVersion)
}
