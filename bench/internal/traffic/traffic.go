// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"time"
)

// Kind is a kind of traffic.
type Kind struct {
	Name string
	Unit string // of what [Kind.Run] counts
	run  func(net.Conn, time.Duration) (int, error)
	want byte
}

// Kinds are all there are.
var Kinds = []Kind{
	{"TCP, one connection as fast as it goes", "bytes", bulk, wantSink},
	{"TCP, requests and responses as fast as they go", "requests", backToBack, wantEcho},
	{"TCP, 1000 requests and responses a second", "requests", atRandom, wantEcho},
}

const (
	bulkWrite   = 128 << 10 // as iperf3 does
	requestSize = 64
	randomRate  = 1000
)

// Run sends traffic of that kind through the pair for d, and returns how much it was.
func (k Kind) Run(p *Pair, d time.Duration) (int, error) {
	conn, err := p.dial(k.want)
	if err != nil {
		return 0, fmt.Errorf("connecting: %w", err)
	}
	if err := conn.SetDeadline(time.Now().Add(d + 10*time.Second)); err != nil {
		return 0, errors.Join(err, conn.Close())
	}
	n, err := k.run(conn, d)
	return n, errors.Join(err, conn.Close())
}

func bulk(conn net.Conn, d time.Duration) (sent int, err error) {
	buf := make([]byte, bulkWrite)
	for start := time.Now(); time.Since(start) < d; {
		n, err := conn.Write(buf)
		sent += n
		if err != nil {
			return sent, err
		}
	}
	return sent, nil
}

func backToBack(conn net.Conn, d time.Duration) (done int, err error) {
	for start := time.Now(); time.Since(start) < d; done++ {
		if err := request(conn); err != nil {
			return done, err
		}
	}
	return done, nil
}

// atRandom sends requests as many users do together: one has nothing to do with the other.
func atRandom(conn net.Conn, d time.Duration) (done int, err error) {
	start := time.Now()
	for at := time.Duration(0); ; done++ {
		at += time.Duration(rand.ExpFloat64() * float64(time.Second) / randomRate)
		if at >= d {
			return done, nil
		}
		time.Sleep(at - time.Since(start))
		if err := request(conn); err != nil {
			return done, err
		}
	}
}

func request(conn net.Conn) error {
	var buf [requestSize]byte
	if _, err := conn.Write(buf[:]); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, buf[:])
	return err
}
