// SPDX-License-Identifier: Apache-2.0

package format

// Meaning says in a line, for people, what the reason of a dropped packet means, see package explain. It is "" for one that is not
// explained, and for other events.
func (e *Event) Meaning() string {
	if e.desc == nil || e.desc.meaning == nil || e.Err() != nil {
		return ""
	}
	return e.desc.meaning(e)
}
