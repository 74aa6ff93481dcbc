// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"
	"strconv"
	"time"
)

// elapsed returns how long the events took to come, 0 if they have no times.
func (w *watcher) elapsed() time.Duration {
	switch {
	case w.began.IsZero():
		return 0
	case w.input != nil, w.full():
		return w.at.Sub(w.began)
	default:
		return max(w.past.end(time.Now()).Sub(w.began), 0)
	}
}

// writeSummary tells what there was: to people among the messages, to programs, which get the events as
// JSON, behind the last of them.
func (w *watcher) writeSummary(asJSON bool) {
	w.summary.Elapsed = w.elapsed()
	if !asJSON {
		w.messages.Write(w.summary.Append([]byte{'\n'}))
		return
	}
	if _, err := w.out.Write(w.summary.AppendJSON(nil)); err == nil {
		w.out.Flush()
	}
}

// writeUnshown tells how many events were not shown, if any, and how many were if the agent was asked for some only.
func (w *watcher) writeUnshown() {
	matched, total := w.summary.Matched()
	if matched == total && w.hidden == 0 && !w.asked {
		return
	}
	text := fmt.Sprintf("%s of %s events matched", thousands(matched), thousands(total))
	if matched == total { // nothing else was made, or there is nothing else
		text = counted(int(matched), "event") + " matched"
	}
	if w.hidden > 0 {
		text += fmt.Sprintf(", %s of these are shown with -v only", thousands(uint64(w.hidden)))
	}
	io.WriteString(w.messages, text+"\n")
}

// counted returns a number of things, which the singular is given of.
func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return thousands(uint64(n)) + " " + what
}

// thousands returns a number with commas.
func thousands(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}
