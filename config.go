// SPDX-License-Identifier: Apache-2.0

package monitor

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/interest"
	"github.com/cilium/monitor/internal/unixsocket"
)

// Names of the flags.
const (
	flagEnable      = "enable-monitor"
	flagQueueSize   = "monitor-queue-size"
	flagQueueBytes  = "monitor-queue-bytes"
	flagMaxClients  = "monitor-max-clients"
	flagBufferPages = "monitor-buffer-pages"
	flagMaxDelay    = "monitor-max-delay"
	flagSocketPath  = "monitor-socket-path"
	flagEventsMap   = "monitor-events-map"
	flagTakeOver    = "monitor-take-over"
	flagHistory     = "history"
	flagHistorySize = "history-size"
)

const (
	maxQueueSize  = 1 << 20
	maxQueueBytes = 1 << 30
	maxMaxClients = 4096
	maxHistory    = 1 << 30
)

// AgentConfig is the configuration of [AgentCell]. Every field is a flag, an environment
// variable and a key of the configuration file, by hive's rules.
type AgentConfig struct {
	// MonitorQueueSize is how many events are kept for clients that fall behind;
	// 0 stands for 1024 for each possible CPU, at most 16384.
	MonitorQueueSize int

	// MonitorQueueBytes is how many bytes of memory these may take; the bound that is reached
	// first holds.
	MonitorQueueBytes int

	// MonitorBufferPages is the size in pages of each CPU's perf ring buffer. It
	// is rounded up to a power of two.
	MonitorBufferPages int

	// MonitorMaxDelay is how long an event may wait in the ring until it is read. A larger one is
	// cheaper.
	MonitorMaxDelay time.Duration

	// MonitorEventsMap is where the datapath's events map is pinned.
	MonitorEventsMap string

	// MonitorTakeOver is whether the events map is taken away from somebody else who reads it.
	MonitorTakeOver bool

	// History are the names, or numbers, of the message types that are kept for clients and
	// streams that come later; "all" are all, "none" or an empty list keeps nothing.
	History []string

	// HistorySize is how many bytes of memory they may take.
	HistorySize int
}

// What [AgentConfig.History] has for everything, and for nothing.
const (
	allTypes = "all"
	noTypes  = "none"
)

var defaultAgentConfig = AgentConfig{
	MonitorQueueSize:   0,
	MonitorQueueBytes:  agent.DefaultQueueBytes,
	MonitorBufferPages: 64,
	MonitorMaxDelay:    agent.DefaultMaxDelay,
	MonitorEventsMap:   agent.DefaultEventsMap,
	HistorySize:        16 << 20,
}

// Flags implements cell.Flagger.
func (def AgentConfig) Flags(flags *pflag.FlagSet) {
	flags.Int(flagQueueSize, def.MonitorQueueSize,
		fmt.Sprintf("Events kept for clients that fall behind, 1 to %d; 0: 1024 for each possible CPU, at most 16384 (%d on this machine)",
			maxQueueSize, agent.DefaultQueueSize()))
	flags.Int(flagQueueBytes, def.MonitorQueueBytes,
		fmt.Sprintf("Bytes of memory that these events may take, %d to %d; the bound that is reached first holds", agent.MinQueueBytes, maxQueueBytes))
	flags.Int(flagBufferPages, def.MonitorBufferPages,
		fmt.Sprintf("Size of each CPU's perf ring buffer in pages, 1 to %d, rounded up to a power of two", agent.MaxPages))
	flags.Duration(flagMaxDelay, def.MonitorMaxDelay,
		fmt.Sprintf("How long an event may wait in the ring until the agent reads it, %v to %v; a larger one is cheaper", agent.MinMaxDelay, agent.MaxMaxDelay))
	flags.String(flagEventsMap, def.MonitorEventsMap,
		"Path where the datapath's events map is pinned")
	flags.Bool(flagTakeOver, def.MonitorTakeOver,
		"Take the events map away from another reader, such as an agent that is to be replaced, instead of waiting until it is gone")
	flags.StringSlice(flagHistory, def.History,
		"Message types to keep for clients that come later, such as drop,policy-verdict, "+allTypes+" or "+noTypes+"; unless "+noTypes+", the datapath is read all the time")
	flags.Int(flagHistorySize, def.HistorySize,
		fmt.Sprintf("Bytes of memory that the history may take, %d to %d", agent.MinHistoryBytes, maxHistory))
}

// history returns what is kept, and how many bytes of it; 0 is nothing.
func (cfg AgentConfig) history() (wants interest.Interest, bytes int, err error) {
	if slices.Equal(cfg.History, []string{noTypes}) {
		return wants, 0, nil
	}
	for _, name := range cfg.History {
		if name == allTypes {
			return interest.Interest{}, cfg.HistorySize, nil
		}
		typ, err := api.ParseMessageType(name)
		if n, numberErr := strconv.ParseUint(name, 10, 8); err != nil && numberErr == nil {
			typ, err = int(n), nil
		}
		if err != nil {
			return wants, 0, fmt.Errorf("--%s=%s: %w, or %s, or %s alone", flagHistory, strings.Join(cfg.History, ","), err, allTypes, noTypes)
		}
		wants.Types = append(wants.Types, uint8(typ))
	}
	if len(wants.Types) == 0 {
		return wants, 0, nil
	}
	return wants, cfg.HistorySize, nil
}

// validate refuses what can't work, by the name of the flag and with what it takes.
func (cfg AgentConfig) validate() error {
	if err := inRange(flagQueueSize, cfg.MonitorQueueSize, 0, maxQueueSize); err != nil {
		return err
	}
	if err := inRange(flagQueueBytes, cfg.MonitorQueueBytes, agent.MinQueueBytes, maxQueueBytes); err != nil {
		return err
	}
	if err := inRange(flagBufferPages, cfg.MonitorBufferPages, 1, agent.MaxPages); err != nil {
		return err
	}
	if err := inRange(flagHistorySize, cfg.HistorySize, agent.MinHistoryBytes, maxHistory); err != nil {
		return err
	}
	if err := inRange(flagMaxDelay, cfg.MonitorMaxDelay, agent.MinMaxDelay, agent.MaxMaxDelay); err != nil {
		return err
	}
	return absolute(flagEventsMap, cfg.MonitorEventsMap)
}

// ServerConfig is the configuration of [ServerCell], as [AgentConfig] is that of AgentCell.
type ServerConfig struct {
	// EnableMonitor tells whether the monitor API is served on unix sockets.
	EnableMonitor bool

	// MonitorSocketPath is where the unix socket of the monitor API 1.2 is. That of API 1.3 is
	// beside it, where [session.SocketPath] of package api/session says, if that path is not too long.
	MonitorSocketPath string

	// MonitorMaxClients is how many clients each of them has at most. One user other than root may
	// have a quarter of them.
	MonitorMaxClients int
}

var defaultServerConfig = ServerConfig{
	EnableMonitor:     true,
	MonitorSocketPath: agent.DefaultSocketPath,
	MonitorMaxClients: agent.DefaultMaxClients,
}

// Flags implements cell.Flagger.
func (def ServerConfig) Flags(flags *pflag.FlagSet) {
	flags.Bool(flagEnable, def.EnableMonitor,
		"Serve the monitor API on unix sockets")
	flags.String(flagSocketPath, def.MonitorSocketPath,
		"Path of the monitor API 1.2's unix socket; that of API 1.3 is beside it, with 1_3 in its name")
	flags.Int(flagMaxClients, def.MonitorMaxClients,
		fmt.Sprintf("Clients that each socket has at most, 1 to %d; a user other than root may have a quarter of them", maxMaxClients))
}

// validate refuses what can't work, if the API is to be served.
func (cfg ServerConfig) validate() error {
	if !cfg.EnableMonitor {
		return nil
	}
	if err := inRange(flagMaxClients, cfg.MonitorMaxClients, 1, maxMaxClients); err != nil {
		return err
	}
	if err := absolute(flagSocketPath, cfg.MonitorSocketPath); err != nil {
		return err
	}
	if n := len(cfg.MonitorSocketPath); n > unixsocket.MaxPath {
		return fmt.Errorf("--%s=%s has %d bytes, a unix socket's path at most %d", flagSocketPath, cfg.MonitorSocketPath, n, unixsocket.MaxPath)
	}
	return nil
}

func inRange[T int | time.Duration](flag string, value, low, high T) error {
	if value < low || value > high {
		return fmt.Errorf("--%s=%v is out of range, allowed are %v to %v", flag, value, low, high)
	}
	return nil
}

func absolute(flag, path string) error {
	if !filepath.IsAbs(path) {
		return fmt.Errorf("--%s=%q is not an absolute path", flag, path)
	}
	return nil
}
