// SPDX-License-Identifier: Apache-2.0

package hubble

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/cilium/monitor/internal/unixsocket"
)

// Names of the flags. Those that Cilium's agent has are called what they are called there.
const (
	flagEnable        = "enable-hubble"
	flagSocketPath    = "hubble-socket-path"
	flagListenAddress = "hubble-listen-address"
	flagCapacity      = "hubble-event-buffer-capacity"
	flagDisableTLS    = "hubble-disable-tls"
	flagTLSCert       = "hubble-tls-cert-file"
	flagTLSKey        = "hubble-tls-key-file"
	flagTLSClientCAs  = "hubble-tls-client-ca-files"
	flagPeers         = "hubble-peers"
	flagPeersFile     = "hubble-peers-file"
	flagNodeName      = "hubble-node-name"
	flagClusterName   = "cluster-name"
)

// Flags are the names of the flags, in the order of a help.
var Flags = []string{
	flagEnable, flagSocketPath, flagListenAddress, flagTLSCert, flagTLSKey, flagTLSClientCAs, flagDisableTLS,
	flagCapacity, flagPeers, flagPeersFile, flagNodeName, flagClusterName,
}

const (
	// DefaultSocketPath is where Cilium's agent has the unix socket, and Relay looks for it.
	DefaultSocketPath = "/var/run/cilium/hubble.sock"

	// DefaultPort is that of Cilium's agent.
	DefaultPort = 4244

	defaultClusterName = "default"
	defaultCapacity    = 4095
	maxCapacity        = 65535
)

// bytesPerEvent is what an event may take in the history on average, for [Config.HubbleEventBufferCapacity] of them to fit: a
// drop or a trace with 128 bytes of its packet takes about 220, with the history's own.
const bytesPerEvent = 512

// Config is the configuration of [Cell]. Every field is a flag, an environment variable and a key of the configuration file,
// by hive's rules.
type Config struct {
	// EnableHubble tells whether Hubble's API is served.
	EnableHubble bool

	// HubbleSocketPath is where the unix socket is; none if empty.
	HubbleSocketPath string

	// HubbleListenAddress is the address of TCP to serve at, [HOST]:PORT; none if empty.
	HubbleListenAddress string

	// HubbleEventBufferCapacity is how many events are kept for those who come later, of 512 bytes on average: more of
	// smaller ones.
	HubbleEventBufferCapacity int

	// HubbleDisableTLS has the address of TCP served to everybody, in plain text.
	HubbleDisableTLS bool

	// HubbleTLSCertFile and HubbleTLSKeyFile are the server's certificate and its key, HubbleTLSClientCAFiles the
	// authorities whose certificates clients may have; all in PEM. They are read anew when they change.
	HubbleTLSCertFile      string
	HubbleTLSKeyFile       string
	HubbleTLSClientCAFiles []string

	// HubblePeers are the nodes of the cluster, as NAME=HOST:PORT, and HubblePeersFile is a file of them, one a line.
	HubblePeers     []string
	HubblePeersFile string

	// HubbleNodeName is what this node is called; the host's name if empty.
	HubbleNodeName string

	// ClusterName is what the cluster is called.
	ClusterName string
}

// DefaultConfig serves the unix socket, as [Cell] does by default.
var DefaultConfig = Config{
	EnableHubble:              true,
	HubbleSocketPath:          DefaultSocketPath,
	HubbleEventBufferCapacity: defaultCapacity,
	ClusterName:               defaultClusterName,
}

// Flags implements cell.Flagger.
func (def Config) Flags(flags *pflag.FlagSet) {
	flags.Bool(flagEnable, def.EnableHubble,
		"Serve Hubble's API, for the hubble command line and Hubble Relay")
	flags.String(flagSocketPath, def.HubbleSocketPath,
		"Path of its unix socket (none: \"\")")
	flags.String(flagListenAddress, def.HubbleListenAddress,
		fmt.Sprintf("Serve it on TCP, too, at `[HOST]:PORT`, such as :%d, for clients with a certificate", DefaultPort))
	flags.String(flagTLSCert, def.HubbleTLSCertFile,
		"`FILE` with the server's certificate, read anew when it changes, as are the other two")
	flags.String(flagTLSKey, def.HubbleTLSKeyFile,
		"`FILE` with its key")
	flags.StringSlice(flagTLSClientCAs, def.HubbleTLSClientCAFiles,
		"`FILES` with the authorities of clients' certificates")
	flags.Bool(flagDisableTLS, def.HubbleDisableTLS,
		"Serve TCP to everybody who reaches it, in plain text")
	flags.Int(flagCapacity, def.HubbleEventBufferCapacity,
		fmt.Sprintf("Events to keep for requests that come later, 1 to %d: memory for so many of %d bytes, more of smaller ones", maxCapacity, bytesPerEvent))
	flags.StringSlice(flagPeers, def.HubblePeers,
		"The nodes of the cluster, for Relay, as `NAME=HOST:PORT,...`; this node alone if none are given")
	flags.String(flagPeersFile, def.HubblePeersFile,
		"`FILE` of them, one a line, read anew when it changes")
	flags.String(flagNodeName, def.HubbleNodeName,
		"What this node is called in flows and among its peers; the host's name by default")
	flags.String(flagClusterName, def.ClusterName,
		"What the cluster is called")
}

// serves tells whether anything is served.
func (cfg Config) serves() bool {
	return cfg.EnableHubble && (cfg.HubbleSocketPath != "" || cfg.HubbleListenAddress != "")
}

// historyBytes is what the history needs to keep so many events.
func (cfg Config) historyBytes() int {
	if !cfg.serves() {
		return 0
	}
	return cfg.HubbleEventBufferCapacity * bytesPerEvent
}

// tls tells whether what is served on TCP is served with TLS.
func (cfg Config) tls() bool { return cfg.HubbleListenAddress != "" && !cfg.HubbleDisableTLS }

// validate refuses what can't work, by the name of the flag and with what it takes.
func (cfg Config) validate() error {
	if !cfg.serves() {
		return nil
	}
	if n := cfg.HubbleEventBufferCapacity; n < 1 || n > maxCapacity {
		return fmt.Errorf("--%s=%d is out of range, allowed are 1 to %d", flagCapacity, n, maxCapacity)
	}
	if err := cfg.validateSocket(); err != nil {
		return err
	}
	if cfg.ClusterName == "" || strings.Contains(cfg.ClusterName, "/") {
		return fmt.Errorf("--%s=%q is no name", flagClusterName, cfg.ClusterName)
	}
	if strings.Contains(cfg.HubbleNodeName, "/") {
		return fmt.Errorf("--%s=%q is no name", flagNodeName, cfg.HubbleNodeName)
	}
	if len(cfg.HubblePeers) > 0 && cfg.HubblePeersFile != "" {
		return fmt.Errorf("--%s and --%s can't both say who the peers are", flagPeers, flagPeersFile)
	}
	return cfg.validateTCP()
}

func (cfg Config) validateSocket() error {
	path := cfg.HubbleSocketPath
	if path == "" {
		return nil
	}
	if !filepath.IsAbs(path) {
		return fmt.Errorf("--%s=%q is not an absolute path", flagSocketPath, path)
	}
	if n := len(path); n > unixsocket.MaxPath {
		return fmt.Errorf("--%s=%s has %d bytes, a unix socket's path at most %d", flagSocketPath, path, n, unixsocket.MaxPath)
	}
	return nil
}

func (cfg Config) validateTCP() error {
	address := cfg.HubbleListenAddress
	if address == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return fmt.Errorf("--%s=%s: %w", flagListenAddress, address, err)
	}
	given := cfg.HubbleTLSCertFile != "" || cfg.HubbleTLSKeyFile != "" || len(cfg.HubbleTLSClientCAFiles) > 0
	all := cfg.HubbleTLSCertFile != "" && cfg.HubbleTLSKeyFile != "" && len(cfg.HubbleTLSClientCAFiles) > 0
	switch {
	case cfg.HubbleDisableTLS && given:
		return fmt.Errorf("--%s contradicts --%s, --%s and --%s", flagDisableTLS, flagTLSCert, flagTLSKey, flagTLSClientCAs)
	case !cfg.HubbleDisableTLS && !all:
		return fmt.Errorf("--%s=%s takes --%s, --%s and --%s, so that only clients with a certificate are served; "+
			"or --%s, which serves everybody in plain text",
			flagListenAddress, address, flagTLSCert, flagTLSKey, flagTLSClientCAs, flagDisableTLS)
	}
	return nil
}
