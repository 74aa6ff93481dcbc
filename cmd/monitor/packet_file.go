// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"

	"github.com/cilium/monitor/format"
	"github.com/cilium/monitor/format/pcapng"
)

// packetFile is the file of --write.
type packetFile struct {
	file    *outputFile
	out     *pcapng.Writer
	clock   func() time.Time
	packets int
}

func newPacketFile(file *outputFile, clock func() time.Time) (*packetFile, error) {
	out, err := pcapng.NewWriter(file)
	if err != nil {
		return nil, err
	}
	return &packetFile{file: file, out: out, clock: clock}, nil
}

// add writes the packet of e if it has one.
func (p *packetFile) add(e *format.Event) error {
	if !pcapng.HasPacket(e) {
		return nil
	}
	p.packets++
	return p.out.Write(e, p.clock())
}

func (p *packetFile) flush() error { return p.out.Flush() }

func (p *packetFile) close() error { return p.file.Close() }

func (p *packetFile) String() string {
	return fmt.Sprintf("Wrote %d packets to %s", p.packets, p.file.name)
}
