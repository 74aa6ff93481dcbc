// SPDX-License-Identifier: Apache-2.0

package hubble

import (
	"errors"
	"fmt"
	"net"
	"sync"

	observerpb "github.com/cilium/cilium/api/v1/observer"
	peerpb "github.com/cilium/cilium/api/v1/peer"
	"github.com/cilium/hive/cell"
	"github.com/sirupsen/logrus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/cilium/monitor/internal/unixsocket"
)

// Who may connect to the unix socket: the same as to the monitor's own.
const (
	socketMode  = 0o660
	socketGroup = "cilium"
)

// healthService is the name of the service that the hubble command line asks the health of: Cilium's for the observer.
const healthService = "hubble.server.Observer"

// server serves the API on a unix socket and on TCP, as far as they are asked for, each by a gRPC server and a goroutine of
// its own.
type server struct {
	cfg      Config
	observer *observer
	peers    *peerService
	log      logrus.FieldLogger
	health   cell.Health

	checks  *health.Server
	socket  *unixsocket.Socket
	servers []*grpc.Server
	serving sync.WaitGroup
}

// Start implements cell.HookInterface.
func (s *server) Start(cell.HookContext) (err error) {
	s.checks = health.NewServer()
	s.checks.SetServingStatus(healthService, healthpb.HealthCheckResponse_SERVING)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop(nil))
		}
	}()
	// First, since the peers that the other one tells of are by the address of this one.
	if err := s.serveTCP(); err != nil {
		return fmt.Errorf("serve Hubble's API at --%s=%s: %w", flagListenAddress, s.cfg.HubbleListenAddress, err)
	}
	if err := s.serveUnix(); err != nil {
		return fmt.Errorf("serve Hubble's API at --%s=%s: %w", flagSocketPath, s.cfg.HubbleSocketPath, err)
	}
	return nil
}

func (s *server) serveUnix() error {
	path := s.cfg.HubbleSocketPath
	if path == "" {
		return nil
	}
	socket, err := unixsocket.Listen(path, unixsocket.Options{Mode: socketMode, Group: socketGroup})
	if err != nil {
		return err
	}
	s.socket = socket
	listener, err := socket.Listener()
	if err != nil {
		return err
	}
	s.serve("unix://"+path, listener, newLimits("unix", s.log, s.observer.metrics), func(net.Conn) {})
	return nil
}

func (s *server) serveTCP() error {
	if s.cfg.HubbleListenAddress == "" {
		return nil
	}
	limits := newLimits("tcp", s.log, s.observer.metrics)
	var opts []grpc.ServerOption
	if s.cfg.tls() {
		files := &tlsFiles{
			cert: s.cfg.HubbleTLSCertFile, key: s.cfg.HubbleTLSKeyFile, clientCAs: s.cfg.HubbleTLSClientCAFiles,
			log: s.log, report: reporter(s.health.NewScope("certificates")),
		}
		_, _ = files.get() // reports what is wrong with them; they may come later
		opts = append(opts, grpc.Creds(countedHandshakes{credentials.NewTLS(files.config()), limits.failed}))
	} else {
		s.log.Warn("Everybody who reaches it can see all flows: Hubble's API is served in plain text")
	}
	listener, err := net.Listen("tcp", s.cfg.HubbleListenAddress)
	if err != nil {
		return err
	}
	s.peers.address = listener.Addr().String()
	s.serve(listener.Addr().String(), listener, limits, s.observer.own.add, opts...)
	return nil
}

// reporter reports to a scope of the health what is wrong.
func reporter(h cell.Health) func(error) {
	return func(problem error) {
		if problem != nil {
			h.Degraded("Reading the certificates failed", problem)
			return
		}
		h.OK("Read")
	}
}

// serve serves at a listener, which it closes in the end. Each connection is told to a function.
func (s *server) serve(where string, listener net.Listener, limits *limits, accepted func(net.Conn), opts ...grpc.ServerOption) {
	srv := grpc.NewServer(append(limits.options(), opts...)...)
	observerpb.RegisterObserverServer(srv, s.observer)
	peerpb.RegisterPeerServer(srv, s.peers)
	healthpb.RegisterHealthServer(srv, s.checks)
	s.servers = append(s.servers, srv)
	limits.metrics.Listen(limits.listener, methodsOf(srv))
	h := s.health.NewScope(limits.listener)
	h.OK("Serving Hubble's API at " + where)
	s.log.WithField("address", where).Info("Serving Hubble's API")
	s.serving.Go(func() {
		if err := srv.Serve(&limitedListener{listener, limits, accepted}); err != nil {
			s.log.WithError(err).WithField("address", where).Error("Serving Hubble's API failed")
			h.Degraded("Serving Hubble's API failed", err)
			return
		}
		h.Stopped("Not served any more")
	})
}

// methodsOf returns the names of the methods that a server has.
func methodsOf(srv *grpc.Server) (names []string) {
	for _, service := range srv.GetServiceInfo() {
		for _, method := range service.Methods {
			names = append(names, method.Name)
		}
	}
	return names
}

// Stop implements cell.HookInterface. It ends all requests.
func (s *server) Stop(cell.HookContext) error {
	s.checks.Shutdown()
	for _, srv := range s.servers {
		srv.Stop()
	}
	s.serving.Wait()
	if s.socket == nil {
		return nil
	}
	return s.socket.Close()
}
