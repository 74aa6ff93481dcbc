// SPDX-License-Identifier: Apache-2.0

// Package conformance holds this project against Cilium's own packages: what one side
// encodes the other decodes, and both print the same.
package conformance

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
