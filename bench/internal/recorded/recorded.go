// SPDX-License-Identifier: Apache-2.0

// Package recorded has a recorded stream of the monitor API 1.2.
package recorded

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"

	"github.com/cilium/monitor/api/payload"
)

// node is the stream as a client read it from "monitor agent --device veth0" of this
// project: ARP, IPv6 neighbor discovery, HTTP requests and UDP queries over IPv4 and
// IPv6, pings, and TCP and UDP to ports that a rule denies.
//
//go:embed node.stream
var node []byte

// Node returns the payloads of the stream: 154 traces, 10 policy verdicts, 10 drops.
func Node() ([]*payload.Payload, error) {
	dec := payload.NewDecoder(bytes.NewReader(node))
	var all []*payload.Payload
	for {
		var pl payload.Payload
		err := dec.Decode(&pl)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("decode payload %d of the recorded stream: %w", len(all), err)
		}
		pl.Data = bytes.Clone(pl.Data)
		all = append(all, &pl)
	}
}
