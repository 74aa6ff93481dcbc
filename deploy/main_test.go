// SPDX-License-Identifier: Apache-2.0

// Package deploy tests the files of this directory, with what Kubernetes and systemd say
// about them.
package deploy

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}
