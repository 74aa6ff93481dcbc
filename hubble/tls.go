// SPDX-License-Identifier: Apache-2.0

package hubble

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// tlsFiles are the files that TLS is made of. For each connection it is seen whether they are others by now: so a certificate
// is renewed by writing it, or by putting another file in its place. As long as what is there can't be used, what was there
// before is.
type tlsFiles struct {
	cert, key string
	clientCAs []string
	log       logrus.FieldLogger
	report    func(problem error) // nil: the files are well

	mu      sync.Mutex // guards what follows
	stamps  []stamp    // of the files when they were read last
	current *tls.Config
	problem error // why they could not be used then
}

// stamp is what tells that a file is another one.
type stamp struct {
	path     string
	size     int64
	modified time.Time
	info     os.FileInfo // nil: there is none
}

func (s stamp) equal(other stamp) bool {
	if s.info == nil || other.info == nil {
		return s.info == nil && other.info == nil
	}
	return s.size == other.size && s.modified.Equal(other.modified) && os.SameFile(s.info, other.info)
}

// config is the configuration of a server: it asks for the current one for each connection.
func (f *tlsFiles) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return f.get()
		},
	}
}

// get returns the configuration by the files as they are.
func (f *tlsFiles) get() (*tls.Config, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if stamps := f.look(); !slices.EqualFunc(stamps, f.stamps, stamp.equal) {
		f.stamps = stamps
		f.readLocked()
	}
	if f.current == nil {
		return nil, f.problem
	}
	return f.current, nil
}

// look looks at all files.
func (f *tlsFiles) look() (stamps []stamp) {
	for _, path := range append([]string{f.cert, f.key}, f.clientCAs...) {
		s := stamp{path: path}
		if info, err := os.Stat(path); err == nil {
			s.info, s.size, s.modified = info, info.Size(), info.ModTime()
		}
		stamps = append(stamps, s)
	}
	return stamps
}

// readLocked reads the files. The caller holds f.mu.
func (f *tlsFiles) readLocked() {
	config, err := f.read()
	f.problem = err
	f.report(err)
	switch {
	case err == nil:
		if f.current != nil {
			f.log.Info("The certificates are others; new connections have them")
		}
		f.current = config
	case f.current == nil:
		f.log.WithError(err).Error("Reading the certificates failed; nobody can connect by TCP until they are there")
	default:
		f.log.WithError(err).Error("Reading the certificates failed; they are those of before")
	}
}

func (f *tlsFiles) read() (*tls.Config, error) {
	certificate, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return nil, fmt.Errorf("--%s=%s, --%s=%s: %w", flagTLSCert, f.cert, flagTLSKey, f.key, err)
	}
	authorities := x509.NewCertPool()
	for _, path := range f.clientCAs {
		pem, err := os.ReadFile(path)
		if err == nil && !authorities.AppendCertsFromPEM(pem) {
			err = errNoCertificate
		}
		if err != nil {
			return nil, fmt.Errorf("--%s=%s: %w", flagTLSClientCAs, path, err)
		}
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{certificate},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    authorities,
		NextProtos:   []string{"h2"},
		// A session that is resumed would be one of the certificates of before.
		SessionTicketsDisabled: true,
	}, nil
}

var errNoCertificate = errors.New("there is no certificate in it")
