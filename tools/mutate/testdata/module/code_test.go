// SPDX-License-Identifier: Apache-2.0

package module

import (
	"testing"
	"time"
)

func Test(t *testing.T) {
	if n, err := Half(tenth); n != 5 || err != nil {
		t.Fatal(n, err)
	}
	if _, err := Half(3); err == nil {
		t.Fatal("3 has a half")
	}
	if sum := Sum("", 1, 2, 3); sum != 6 {
		t.Fatal(sum)
	}
	l := &list{}
	if l.add("x"); len(l.all) != 1 {
		t.Fatal(l.all)
	}
}

func TestSlow(t *testing.T) {
	for start := time.Now(); time.Since(start) < 250*time.Millisecond; {
		if l := (&list{[]string{"x"}}); l.first() != "x" {
			t.Fatal(l.first())
		}
	}
}
