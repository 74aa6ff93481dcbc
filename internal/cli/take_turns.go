// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"net/http"
)

// takeTurns has so many requests at once be handled, and the others wait in the order in which
// they came. Who reads an answer slowly does not hold up the others.
func takeTurns(h http.Handler, atOnce int) http.Handler {
	turns := make(chan struct{}, atOnce)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case turns <- struct{}{}:
		case <-r.Context().Done(): // the connection is closed
			return
		}
		answer := bufferedAnswer{ResponseWriter: w, status: http.StatusOK}
		func() {
			defer func() { <-turns }()
			h.ServeHTTP(&answer, r)
		}()
		answer.send()
	})
}

// bufferedAnswer keeps what is written to it until it is sent.
type bufferedAnswer struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (a *bufferedAnswer) WriteHeader(status int)      { a.status = status }
func (a *bufferedAnswer) Write(b []byte) (int, error) { return a.body.Write(b) }

func (a *bufferedAnswer) send() {
	a.ResponseWriter.WriteHeader(a.status)
	_, _ = a.ResponseWriter.Write(a.body.Bytes()) // who asked may be gone
}
