// SPDX-License-Identifier: Apache-2.0

// Package taken has what readers of different kinds of map say when somebody else reads theirs.
package taken

import "errors"

// Err is wrapped by errors of readers of an events map that somebody else reads: events go to
// one reader only.
var Err = errors.New("somebody else reads the events map")
