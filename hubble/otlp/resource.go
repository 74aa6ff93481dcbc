// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"context"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// newResource returns what all records come from: this service on this node, CLUSTER/NAME or NAME. The environment, which
// OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME are in, goes before.
func newResource(node, version string) (*resource.Resource, error) {
	name := node[strings.IndexByte(node, '/')+1:]
	attrs := []attribute.KeyValue{semconv.ServiceName("hubble"), semconv.HostName(name)}
	if version != "" {
		attrs = append(attrs, semconv.ServiceVersion(version))
	}
	res, err := resource.New(context.Background(), resource.WithSchemaURL(schemaURL), resource.WithAttributes(attrs...),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("describe this service: %w", err)
	}
	return res, nil
}
