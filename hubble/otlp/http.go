// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	collogpb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
)

const (
	// logsPath is where a collector takes logs, below its endpoint.
	logsPath = "v1/logs"

	// maxAnswerLen bounds what is read of an answer.
	maxAnswerLen = 64 << 10
)

func newHTTPSender(endpoint string, own *ownConnections) (*sender, error) {
	url, err := url.JoinPath(endpoint, logsPath)
	if err != nil {
		return nil, err
	}
	trust, err := tlsFromEnvironment()
	if err != nil {
		return nil, err
	}
	timeout, err := timeoutFromEnvironment()
	if err != nil {
		return nil, err
	}
	connections := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: own.dial, TLSClientConfig: trust, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: defaultTimeout, IdleConnTimeout: 90 * time.Second,
	}
	s := &sender{release: connections.CloseIdleConnections}
	// The SDK's own client is not to be looked into, and with another one it leaves TLS and the timeout to that.
	exporter, err := otlploghttp.New(context.Background(),
		otlploghttp.WithEndpointURL(url),
		otlploghttp.WithRetry(otlploghttp.RetryConfig{Enabled: false}),
		otlploghttp.WithHTTPClient(&http.Client{Transport: &httpAnswers{sender: s, next: connections}, Timeout: timeout}))
	if err != nil {
		return nil, err
	}
	s.exporter = exporter
	return s, nil
}

// httpAnswers keeps the answers to the requests of a sender.
type httpAnswers struct {
	sender *sender
	next   http.RoundTripper
}

// RoundTrip implements http.RoundTripper. The answer has been read when it returns.
func (h *httpAnswers) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := h.next.RoundTrip(req)
	if err != nil {
		h.sender.answer = answer{asked: true, err: &retryableError{err: err}}
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerLen))
	_ = resp.Body.Close()
	if err != nil {
		h.sender.answer = answer{asked: true, err: &retryableError{err: err}}
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	h.sender.answer = readAnswer(resp, body)
	return resp, nil
}

// readAnswer tells what an answer means, as the specification of OTLP has it.
func readAnswer(resp *http.Response, body []byte) answer {
	if resp.StatusCode/100 == 2 {
		r := new(collogpb.ExportLogsServiceResponse)
		if proto.Unmarshal(body, r) != nil {
			r = nil // what else is said in it, the batch is taken
		}
		return taken(r)
	}
	err := fmt.Errorf("HTTP status %s%s", resp.Status, reason(body))
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		err = &retryableError{err: err, after: retryAfter(resp.Header.Get("Retry-After"))}
	}
	return answer{asked: true, err: err}
}

// reason is what a collector says to a request that it refuses, if anything.
func reason(body []byte) string {
	var s statuspb.Status
	if proto.Unmarshal(body, &s) != nil || s.GetMessage() == "" {
		return ""
	}
	return ": " + s.GetMessage()
}

// retryAfter is the pause that a header asks for, in seconds or until a date.
func retryAfter(header string) time.Duration {
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(header); err == nil {
		return time.Until(date)
	}
	return 0
}
