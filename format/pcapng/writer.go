// SPDX-License-Identifier: Apache-2.0

// Package pcapng writes the packets of monitor events to a capture file, which
// Wireshark, tshark and tcpdump read.
package pcapng

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math"
	"runtime"
	"time"
	"unicode/utf8"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/cilium/monitor/format"
	"github.com/cilium/monitor/internal/inert"
)

// NoInterface is the name in the file for the interface of events that do not say which
// one it was, as policy verdicts never do.
const NoInterface = "unknown"

// SnapLength is how many bytes of a packet a file has at most: readers such as Wireshark
// refuse a file with more.
const SnapLength = 256 << 10

// maxOption is how many bytes fit in an option, such as a comment: its length has 16 bits.
const maxOption = math.MaxUint16

// bufferSize is how many bytes are written at once.
const bufferSize = 64 << 10

// Writer writes a capture file. Each network interface of the events becomes one of the
// file, two if it has packets with and without an Ethernet header. Not safe for
// concurrent use.
type Writer struct {
	out        *pcapgo.NgWriter
	file       *file
	buffer     *bufio.Writer            // of out, before file
	interfaces map[networkInterface]int // their numbers in the file
	formatter  *format.Formatter
	line       []byte
}

// networkInterface is what makes an interface of the file.
type networkInterface struct {
	name     string
	linkType layers.LinkType
}

// NewWriter returns a writer of a file that w is the beginning of. It writes w in large
// pieces, see Flush. The file is complete without any packet.
func NewWriter(w io.Writer) (*Writer, error) {
	unknown := networkInterface{NoInterface, layers.LinkTypeEthernet}
	file := &file{Writer: w}
	buffer := bufio.NewWriterSize(file, bufferSize)
	out, err := pcapgo.NewNgWriterInterface(buffer, describe(unknown), pcapgo.NgWriterOptions{
		SectionInfo: pcapgo.NgSectionInfo{Hardware: runtime.GOARCH, OS: runtime.GOOS, Application: "monitor"},
	})
	if err != nil {
		return nil, fmt.Errorf("write the capture's header: %w", err)
	}
	return &Writer{
		out:        out,
		file:       file,
		buffer:     buffer,
		interfaces: map[networkInterface]int{unknown: 0},
		formatter:  format.New(format.Options{Level: format.LevelDebug}),
	}, nil
}

// HasPacket reports whether Write writes e: an event with a packet, as drops, traces, captures
// and policy verdicts have, that could be decoded.
func HasPacket(e *format.Event) bool {
	packet, _ := e.Packet()
	return packet != nil
}

// Write writes the captured part of e's packet, its original length, its interface, the
// time that is given since events have none, and as comment the line that format prints
// of e. What is longer is cut: the packet after SnapLength bytes, the comment after 65535.
// Events that have no packet are left out, see [HasPacket].
//
// The error is that of the writer below. After one, the Writer must not be used any more.
func (w *Writer) Write(e *format.Event, at time.Time) error {
	if !HasPacket(e) {
		return nil
	}
	number, err := w.interfaceOf(e)
	if err != nil {
		return fmt.Errorf("write an interface: %w", err)
	}
	packet, origLen := e.Packet()
	length := max(int(origLen), len(packet)) // the other way around, readers refuse the file
	packet = packet[:min(len(packet), SnapLength)]
	w.line = w.formatter.Append(w.line[:0], e)
	err = w.out.WritePacketWithOptions(gopacket.CaptureInfo{
		Timestamp:      at,
		CaptureLength:  len(packet),
		Length:         length,
		InterfaceIndex: number,
	}, packet, pcapgo.NgPacketOptions{
		Comments: []string{option(string(bytes.TrimSuffix(w.line, []byte("\n"))))},
	})
	if err != nil {
		return fmt.Errorf("write a packet: %w", err)
	}
	return nil
}

// interfaceOf returns the number of e's interface in the file, to which it is added if it
// is new.
func (w *Writer) interfaceOf(e *format.Event) (int, error) {
	key := networkInterface{NoInterface, layers.LinkTypeEthernet}
	if index, name := e.Interface(); index != 0 {
		key.name = name
	}
	if e.IsL3Device() {
		key.linkType = layers.LinkTypeRaw
	}
	if number, ok := w.interfaces[key]; ok {
		return number, nil
	}
	number, err := w.out.AddInterface(describe(key))
	if err == nil {
		w.interfaces[key] = number
	}
	return number, err
}

func describe(i networkInterface) pcapgo.NgInterface {
	d := pcapgo.NgInterface{Name: option(inert.String(i.name)), LinkType: i.linkType, SnapLength: SnapLength}
	if i.name == NoInterface {
		d.Description = "packets of events that do not say which interface it was"
	}
	return d
}

// Size returns how many bytes the file has after the next Flush.
func (w *Writer) Size() int64 { return w.file.size + int64(w.buffer.Buffered()) }

// option returns as much of text as fits in an option, in whole characters.
func option(text string) string {
	if len(text) <= maxOption {
		return text
	}
	n := maxOption
	for !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// Flush writes what is still in the buffer. A file that ends with a Flush is complete.
func (w *Writer) Flush() error {
	if err := w.out.Flush(); err != nil {
		return fmt.Errorf("write packets: %w", err)
	}
	return nil
}

// file counts what is written.
type file struct {
	io.Writer
	size int64
}

func (f *file) Write(b []byte) (int, error) {
	n, err := f.Writer.Write(b)
	f.size += int64(n)
	return n, err
}
