// SPDX-License-Identifier: Apache-2.0

package deploy

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/cilium/monitor/agent"
)

// readDaemonSet returns what Kubernetes reads; fields that it does not know fail the test.
func readDaemonSet(t *testing.T) (*appsv1.DaemonSet, corev1.Container) {
	t.Helper()
	text, err := os.ReadFile("daemonset.yaml")
	require.NoError(t, err)
	var ds appsv1.DaemonSet
	require.NoError(t, yaml.UnmarshalStrict(text, &ds))
	require.Len(t, ds.Spec.Template.Spec.Containers, 1)
	return &ds, ds.Spec.Template.Spec.Containers[0]
}

func TestDaemonSet(t *testing.T) {
	ds, agent := readDaemonSet(t)
	pod := ds.Spec.Template
	require.Equal(t, "apps/v1", ds.APIVersion)
	require.Equal(t, "DaemonSet", ds.Kind)
	require.Equal(t, pod.Labels, ds.Spec.Selector.MatchLabels)
	require.NotEmpty(t, agent.Image)
	require.NotContains(t, agent.Resources.Limits, corev1.ResourceCPU, "throttled, it would lose events")

	for _, mount := range agent.VolumeMounts {
		require.True(t, slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool {
			return v.Name == mount.Name && v.HostPath != nil && v.HostPath.Path == mount.MountPath
		}), "%s is the node's", mount.MountPath)
	}
	require.Contains(t, agent.Args, fmt.Sprintf("--metrics-address=[$(POD_IP)]:%d", agent.Ports[0].ContainerPort))
	require.Len(t, agent.Env, 1)
	require.Equal(t, "POD_IP", agent.Env[0].Name)
	require.Equal(t, "status.podIP", agent.Env[0].ValueFrom.FieldRef.FieldPath)
	require.Equal(t, fmt.Sprint(agent.Ports[0].ContainerPort), pod.Annotations["prometheus.io/port"])
}

// TestDaemonSetProbes has an agent that can't read be not ready, and one that does not answer be
// started anew.
func TestDaemonSetProbes(t *testing.T) {
	_, agent := readDaemonSet(t)
	require.Equal(t, []string{"/monitor", "status", "--probe"}, agent.ReadinessProbe.Exec.Command)
	require.Equal(t, []string{"/monitor", "status", "--output=json"}, agent.LivenessProbe.Exec.Command)
	for _, probe := range []*corev1.Probe{agent.ReadinessProbe, agent.LivenessProbe} {
		require.Greater(t, probe.TimeoutSeconds, int32(5), "monitor status gives up before")
		require.Less(t, probe.TimeoutSeconds, probe.PeriodSeconds)
	}
}

// TestDaemonSetMemory has the limit leave room for half as much again as docs/flags.md says the agent takes at
// most, by the flags' defaults.
func TestDaemonSetMemory(t *testing.T) {
	_, container := readDaemonSet(t)
	const program, socketBuffer, history = 25 << 20, 248 << 10, 16 << 20
	events := agent.DefaultQueueBytes + agent.DefaultQueueBytes/4 + agent.DefaultQueueBytes/4 + history
	most := 2*events + 2*agent.DefaultMaxClients*socketBuffer + program

	text, err := os.ReadFile("../docs/flags.md")
	require.NoError(t, err)
	require.Contains(t, string(text), fmt.Sprintf("| **%d** |", (most+1<<20-1)>>20))
	require.GreaterOrEqual(t, container.Resources.Limits.Memory().Value(), int64(most+most/2))
}

// TestDaemonSetPrivileges allows what the systemd unit allows, as far as user 0 needs it.
func TestDaemonSetPrivileges(t *testing.T) {
	ds, agent := readDaemonSet(t)
	sec := agent.SecurityContext
	require.EqualValues(t, 0, *sec.RunAsUser)
	require.False(t, *sec.Privileged)
	require.False(t, *sec.AllowPrivilegeEscalation)
	require.True(t, *sec.ReadOnlyRootFilesystem)
	require.False(t, *ds.Spec.Template.Spec.AutomountServiceAccountToken)
	require.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, sec.SeccompProfile.Type)
	require.Equal(t, []corev1.Capability{"ALL"}, sec.Capabilities.Drop)

	var added []string
	for _, name := range sec.Capabilities.Add {
		added = append(added, "CAP_"+string(name))
	}
	ofUnit := unitCapabilities(t)
	require.Contains(t, ofUnit, ownerCapability)
	require.ElementsMatch(t, added, without(ofUnit, ownerCapability))
}

// ownerCapability is the one that user 0 does not need, as it owns the files.
const ownerCapability = "CAP_DAC_OVERRIDE"

func without(names []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
}

// TestReadmeCapabilities has each capability explained, and no others.
func TestReadmeCapabilities(t *testing.T) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	var explained []string
	for line := range strings.Lines(string(text)) {
		if name, found := strings.CutPrefix(line, "| `CAP_"); found {
			name, _, _ = strings.Cut(name, "`")
			explained = append(explained, "CAP_"+name)
		}
	}
	require.ElementsMatch(t, unitCapabilities(t), explained)
}
