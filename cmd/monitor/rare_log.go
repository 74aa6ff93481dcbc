// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// rareLogInterval is how often a rareLog logs at most.
const rareLogInterval = time.Minute

// rareLog logs errors that strangers can cause as often as they like. It drops those that follow
// another one too soon.
type rareLog struct {
	log logrus.FieldLogger

	mu   sync.Mutex // guards last
	last time.Time
}

// Println logs its arguments.
func (l *rareLog) Println(args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); l.last.IsZero() || now.Sub(l.last) >= rareLogInterval {
		l.last = now
		l.log.Error(strings.TrimSuffix(fmt.Sprintln(args...), "\n"))
	}
}
