// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// fullLayout is the time in the name of a full file, in UTC. Names sort by it.
const fullLayout = "20060102T150405.000Z"

// putAside gives the file at path, which is full since at, its name for good, such as
// drops-20060102T150405.000Z.pcapng, unless somebody has removed it, and removes those that are not to be kept.
func (r *rotation) putAside(path string, at time.Time) error {
	for at = at.UTC(); ; at = at.Add(time.Millisecond) {
		name := fullName(path, at)
		if _, err := os.Lstat(name); err == nil {
			continue
		}
		if err := os.Rename(path, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return r.removeOld(path)
	}
}

func fullName(path string, at time.Time) string {
	stem, extension := splitExtension(path)
	return stem + "-" + at.Format(fullLayout) + extension
}

// splitExtension splits the extension off a path. The name of a hidden file is none.
func splitExtension(path string) (stem, extension string) {
	extension = filepath.Ext(path)
	if extension == filepath.Base(path) {
		return path, ""
	}
	return strings.TrimSuffix(path, extension), extension
}

// removeOld removes the oldest full files of path, also those of earlier runs.
func (r *rotation) removeOld(path string) error {
	if r.keep == 0 {
		return nil
	}
	directory := filepath.Dir(path)
	entries, err := os.ReadDir(directory)
	if err != nil {
		return err
	}
	var full []string
	for _, entry := range entries {
		if isFullFile(filepath.Base(path), entry) {
			full = append(full, entry.Name())
		}
	}
	slices.Sort(full)
	for _, name := range full[:max(0, len(full)-r.keep)] {
		if err := os.Remove(filepath.Join(directory, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// isFullFile tells whether a file of the directory of the one called name is a full one of it.
func isFullFile(name string, entry fs.DirEntry) bool {
	stem, extension := splitExtension(name)
	text, ok := strings.CutPrefix(entry.Name(), stem+"-")
	text, ok2 := strings.CutSuffix(text, extension)
	at, err := time.Parse(fullLayout, text)
	return ok && ok2 && err == nil && at.Format(fullLayout) == text && entry.Type().IsRegular()
}
