// SPDX-License-Identifier: Apache-2.0

package main

import "net"

func metricsNeeds(address string) []need {
	if address == "" {
		return nil
	}
	n := need{what: "metrics address", state: stateOK, about: address}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		n.state = stateMissing
		n.about = err.Error()
		n.how = []string{"choose another one: --" + flagMetricsAddress}
		return []need{n}
	}
	listener.Close()
	return []need{n}
}
