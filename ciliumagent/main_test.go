// SPDX-License-Identifier: Apache-2.0

package ciliumagent_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// Nobody ends the observer of Cilium's cell of Hubble.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/cilium/cilium/pkg/hubble/observer.(*LocalObserverServer).Start"))
}
