// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	flowpb "github.com/cilium/cilium/api/v1/flow"
)

var errEmptyName = errors.New("invalid filter, name must not be empty")

// addKubernetes adds what is asked of pods, workloads, services and clusters.
func addKubernetes(o *one, ff *flowpb.FlowFilter) error {
	for _, side := range []struct {
		what     string
		pods     []string
		services []string
		clusters []string
		kinds    []*flowpb.Workload
		endpoint func(*flowpb.Flow) *flowpb.Endpoint
		service  func(*flowpb.Flow) *flowpb.Service
	}{
		{
			"source", ff.GetSourcePod(), ff.GetSourceService(), ff.GetSourceClusterName(), ff.GetSourceWorkload(),
			(*flowpb.Flow).GetSource, (*flowpb.Flow).GetSourceService,
		},
		{
			"destination", ff.GetDestinationPod(), ff.GetDestinationService(), ff.GetDestinationClusterName(), ff.GetDestinationWorkload(),
			(*flowpb.Flow).GetDestination, (*flowpb.Flow).GetDestinationService,
		},
	} {
		if len(side.pods) > 0 {
			wanted, err := parseNamespacedNames(side.pods)
			if err != nil {
				return fmt.Errorf("invalid %s pod filter: %w", side.what, err)
			}
			o.need(func(f *flowpb.Flow) bool {
				ep := side.endpoint(f)
				return wanted.have(ep.GetNamespace(), ep.GetPodName())
			})
		}
		if len(side.services) > 0 {
			wanted, err := parseNamespacedNames(side.services)
			if err != nil {
				return fmt.Errorf("invalid %s service filter: %w", side.what, err)
			}
			o.need(func(f *flowpb.Flow) bool {
				s := side.service(f)
				return wanted.have(s.GetNamespace(), s.GetName())
			})
		}
		if len(side.clusters) > 0 {
			if slices.Contains(side.clusters, "") {
				return fmt.Errorf("invalid %s cluster filter: %w", side.what, errEmptyName)
			}
			wanted := oneOf(side.clusters)
			o.need(func(f *flowpb.Flow) bool { return wanted(side.endpoint(f).GetClusterName()) })
		}
		if len(side.kinds) > 0 {
			wanted := workloadsOf(side.kinds)
			o.need(func(f *flowpb.Flow) bool {
				return slices.ContainsFunc(side.endpoint(f).GetWorkloads(), func(w *flowpb.Workload) bool {
					return wanted.have(w.GetName(), w.GetKind())
				})
			})
		}
	}
	return nil
}

// namespacedName is a namespace, or any if it is empty, and the begin of a name.
type namespacedName struct {
	namespace, prefix string
}

type namespacedNames []namespacedName

// parseNamespacedNames parses NAMESPACE/PREFIX, of which either can be empty; PREFIX alone is in the namespace "default".
func parseNamespacedNames(texts []string) (namespacedNames, error) {
	names := make(namespacedNames, 0, len(texts))
	for _, text := range texts {
		if text == "" {
			return nil, errEmptyName
		}
		namespace, prefix, ok := strings.Cut(text, "/")
		if !ok {
			namespace, prefix = "default", text
		}
		prefix, _, _ = strings.Cut(prefix, "/")
		names = append(names, namespacedName{namespace, prefix})
	}
	return names, nil
}

// have tells whether there is something with a namespace and a name, and one of names is that.
func (names namespacedNames) have(namespace, name string) bool {
	if namespace == "" && name == "" {
		return false
	}
	return slices.ContainsFunc(names, func(n namespacedName) bool {
		return (n.namespace == "" || n.namespace == namespace) && strings.HasPrefix(name, n.prefix)
	})
}

// workload is a name and a kind of a workload, or any where it is empty.
type workload struct {
	name, kind string
}

type workloads []workload

func workloadsOf(messages []*flowpb.Workload) workloads {
	all := make(workloads, 0, len(messages))
	for _, m := range messages {
		all = append(all, workload{m.GetName(), m.GetKind()})
	}
	return all
}

func (all workloads) have(name, kind string) bool {
	return slices.ContainsFunc(all, func(w workload) bool {
		return (w.name == "" || w.name == name) && (w.kind == "" || w.kind == kind)
	})
}
