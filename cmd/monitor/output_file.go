// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
)

// createFile creates or empties a file for writing. It must not be one of the others, which
// are open or nil: it would be emptied before it is read, or written twice.
func createFile(path string, others ...*os.File) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
		for _, other := range others {
			if other == nil {
				continue
			}
			if otherInfo, err := other.Stat(); err == nil && os.SameFile(info, otherInfo) {
				return nil, usageError(fmt.Errorf("%s can be given only once, it is %s", path, other.Name()))
			}
		}
	}
	return os.Create(path)
}
