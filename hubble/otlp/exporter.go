// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"github.com/sirupsen/logrus"

	"github.com/cilium/monitor/hubble/export"
)

const (
	// maxBatch is how many records are sent at once, as the batch processor of OpenTelemetry's SDK does.
	maxBatch = 512

	// maxBatchDelay is how long a record waits for others.
	maxBatchDelay = time.Second

	// stopTimeout is how long Stop tries to send what is left.
	stopTimeout = 5 * time.Second
)

// Protocols of OTLP, by the names of OpenTelemetry's specification.
const (
	ProtocolGRPC = "grpc"
	ProtocolHTTP = "http/protobuf"
)

// Options are where flows are sent.
type Options struct {
	// Endpoint is the collector: http://HOST:PORT for plain text, https://HOST:PORT for TLS. The port of OTLP over gRPC is
	// 4317, that over HTTP 4318. With HTTP it may have a path, below which logs go to v1/logs. All else, such as certificates,
	// headers and compression, is set by the environment, as OpenTelemetry has it: OTEL_EXPORTER_OTLP_CERTIFICATE,
	// OTEL_EXPORTER_OTLP_HEADERS, OTEL_RESOURCE_ATTRIBUTES and others.
	Endpoint string

	// Protocol is one of the protocols. If it is empty, it is that of the environment, OTEL_EXPORTER_OTLP_PROTOCOL, and
	// gRPC if that has none.
	Protocol string

	// Version is that of the program, in the records' resource; none if empty.
	Version string

	Log logrus.FieldLogger
}

// protocol returns the protocol, also one that is none.
func (o Options) protocol() string {
	return cmp.Or(o.Protocol, fromEnvironment("PROTOCOL"), ProtocolGRPC)
}

// validate refuses a protocol and an endpoint that can't be one: the SDK would take another one in its place.
func (o Options) validate() error {
	path := ""
	switch o.protocol() {
	case ProtocolGRPC:
	case ProtocolHTTP:
		path = "[/PATH]"
	default:
		return fmt.Errorf("protocol %q is neither %s nor %s", o.protocol(), ProtocolGRPC, ProtocolHTTP)
	}
	u, err := url.Parse(o.Endpoint)
	switch {
	case err != nil:
		return err
	case u.Scheme != "http" && u.Scheme != "https", u.Port() == "", u.Hostname() == "", u.RawQuery != "", u.Fragment != "", u.User != nil,
		path == "" && u.Path != "" && u.Path != "/":
		return fmt.Errorf("%q is not http://HOST:PORT%s or https://HOST:PORT%[2]s", o.Endpoint, path)
	}
	return nil
}

// Exporter sends flows to a collector. Its methods may be called concurrently.
type Exporter struct {
	sink  *sink
	flows *export.Exporter
}

// Start begins to send what what says, until Stop. What it has of Skip is used as well. It does not wait for the collector, which may
// be away.
//
// Possible errors: those of [export.Start], and of an endpoint that is none.
func Start(what export.Options, opts Options) (*Exporter, error) {
	if err := opts.validate(); err != nil {
		return nil, fmt.Errorf("export flows to a collector: %w", err)
	}
	s, err := openSink(what.NodeName, opts)
	if err != nil {
		return nil, fmt.Errorf("export flows to a collector: %w", err)
	}
	skip := what.Skip
	what.Skip = s.own.has
	if skip != nil {
		what.Skip = func(f *flowpb.Flow) bool { return skip(f) || s.own.has(f) }
	}
	flows, err := export.Start(what, s)
	if err != nil {
		return nil, errors.Join(err, s.close(context.Background()))
	}
	return &Exporter{sink: s, flows: flows}, nil
}

// Stop sends what has come until now, and ends the export. It waits for the end no longer than 5 seconds, or until ctx ends;
// then it returns an error, and what is left is lost.
func (e *Exporter) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	e.sink.endRetries()
	return errors.Join(e.flows.Stop(ctx), e.sink.close(ctx))
}

// Stats returns the current numbers.
func (e *Exporter) Stats() export.Stats { return e.flows.Stats() }
