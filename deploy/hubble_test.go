// SPDX-License-Identifier: Apache-2.0

package deploy

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// readStrict reads one object as Kubernetes does; fields that it does not know fail the test.
func readStrict[T any](t *testing.T, text []byte) (object T) {
	t.Helper()
	require.NoError(t, yaml.UnmarshalStrict(text, &object))
	return object
}

// requireMounts requires a volume for each mount.
func requireMounts(t *testing.T, pod corev1.PodSpec) {
	t.Helper()
	for _, mount := range pod.Containers[0].VolumeMounts {
		require.True(t, slices.ContainsFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == mount.Name }), mount.Name)
	}
}

// TestHubble reads what runs the agent with Hubble and Relay: what refers to something refers to what is there.
func TestHubble(t *testing.T) {
	text, err := os.ReadFile("hubble/relay.yaml")
	require.NoError(t, err)
	objects := bytes.Split(text, []byte("\n---\n"))
	require.Len(t, objects, 3)
	peers := readStrict[corev1.Service](t, objects[0])
	service := readStrict[corev1.Service](t, objects[1])
	relay := readStrict[appsv1.Deployment](t, objects[2])
	requireMounts(t, relay.Spec.Template.Spec)
	require.Equal(t, relay.Spec.Selector.MatchLabels, relay.Spec.Template.Labels)
	require.Equal(t, relay.Spec.Template.Labels, service.Spec.Selector)
	require.Equal(t, relay.Spec.Template.Spec.Containers[0].Ports[0].Name, service.Spec.Ports[0].TargetPort.StrVal)
	require.Contains(t, relay.Spec.Template.Spec.Containers[0].Args, "--peer-service="+peers.Name+"."+peers.Namespace+".svc:4244")

	text, err = os.ReadFile("hubble/daemonset-patch.yaml")
	require.NoError(t, err)
	patch := readStrict[appsv1.DaemonSet](t, text)
	agents, container := readDaemonSet(t)
	require.Equal(t, agents.Name, patch.Name)
	require.Equal(t, agents.Spec.Template.Labels, peers.Spec.Selector)
	patched := patch.Spec.Template.Spec
	require.Equal(t, container.Name, patched.Containers[0].Name)
	requireMounts(t, patched)
	require.Equal(t, patched.Containers[0].Ports[0].Name, peers.Spec.Ports[0].TargetPort.StrVal)
	for _, v := range patched.Containers[0].Env {
		require.True(t, strings.HasPrefix(v.Name, "CILIUM_HUBBLE_"), v.Name)
	}
}

// TestRelayUnit has systemd verify the unit of Relay, with a program that is there in place of it.
func TestRelayUnit(t *testing.T) {
	const file = "hubble-relay.service"
	requireTool(t, "systemd-analyze")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	copied := filepath.Join(t.TempDir(), file)
	text = []byte(strings.Replace(string(text), "/usr/local/bin/hubble-relay", "/bin/true", 1))
	require.NoError(t, os.WriteFile(copied, text, 0o644))
	out, err := exec.Command("systemd-analyze", "verify", "--man=no", copied).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NotContains(t, string(out), file, "it has warnings")
}
