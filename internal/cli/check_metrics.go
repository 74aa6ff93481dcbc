// SPDX-License-Identifier: Apache-2.0

package cli

import "net"

func metricsRequirements(address string) []requirement {
	if address == "" {
		return nil
	}
	r := requirement{name: "metrics address", state: stateOK, detail: address}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		r.state = stateMissing
		r.detail = err.Error()
		r.remedies = []string{"choose another one: --" + flagMetricsAddress}
		return []requirement{r}
	}
	listener.Close()
	return []requirement{r}
}
