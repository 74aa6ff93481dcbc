// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"time"

	"github.com/cilium/monitor/format"
	"github.com/cilium/monitor/format/pcapng"
)

// packetFile is the file of --write.
type packetFile struct {
	*rotatingFile
	out     *pcapng.Writer
	packets int
}

func newPacketFile(file *rotatingFile) (*packetFile, error) {
	p := &packetFile{rotatingFile: file}
	return p, p.begin()
}

// begin writes the header.
func (p *packetFile) begin() (err error) {
	p.out, err = pcapng.NewWriter(p.rotatingFile)
	return err
}

// write writes the packet of e if it has one.
func (p *packetFile) write(e *format.Event, at time.Time) error {
	if !pcapng.HasPacket(e) {
		return nil
	}
	if err := p.add(at, p.out, p.begin); err != nil {
		return err
	}
	p.packets++
	if at.IsZero() { // as events of old recordings are
		at = time.Unix(0, 0)
	}
	return p.out.Write(e, at)
}

func (p *packetFile) flush() error { return p.out.Flush() }

// summary tells what was written.
func (p *packetFile) summary() string {
	return fmt.Sprintf("Wrote %s to %s", counted(p.packets, "packet"), p.rotatingFile)
}
