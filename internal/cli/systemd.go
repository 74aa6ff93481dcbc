// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"github.com/cilium/hive/cell"
	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/sirupsen/logrus"
)

// notifySystemd tells systemd, if that waits for it (Type=notify), when the agent has
// started and when it begins to stop. It has to be invoked last.
func notifySystemd(lc cell.Lifecycle, log logrus.FieldLogger) {
	notify := func(state string) func(cell.HookContext) error {
		return func(cell.HookContext) error {
			if _, err := daemon.SdNotify(false, state); err != nil {
				log.WithError(err).WithField("state", state).Warn("Telling systemd failed")
			}
			return nil
		}
	}
	lc.Append(cell.Hook{
		OnStart: notify(daemon.SdNotifyReady),
		OnStop:  notify(daemon.SdNotifyStopping),
	})
}
