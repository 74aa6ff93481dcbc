// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"strconv"
	"strings"
)

// Lengths of the texts of an event, see api.KernelDropNotify.
const (
	reasonTextLen   = 40
	functionTextLen = 64
	dropTextsLen    = reasonTextLen + functionTextLen
)

// dropSite is where in the kernel packets are dropped, and why.
type dropSite struct {
	location uint64
	reason   uint32
}

// siteTexts is what events have of a site.
type siteTexts struct {
	text   [dropTextsLen]byte
	offset uint32 // in the function
}

// maxSites is more than there are in a kernel that has not loaded and unloaded modules very often.
const maxSites = 8192

// dropTexts has the texts of sites. It is for one goroutine at a time.
type dropTexts struct {
	sites map[dropSite]*siteTexts
	event []byte // memory of the event that was made last
}

func (t *dropTexts) of(k *KernelDrops, site dropSite) *siteTexts {
	if texts := t.sites[site]; texts != nil {
		return texts
	}
	if t.sites == nil || len(t.sites) >= maxSites {
		t.sites = make(map[dropSite]*siteTexts)
	}
	texts := &siteTexts{}
	reason := k.reasons.name(site.reason)
	copy(texts.text[:reasonTextLen], reason)
	var function string
	function, texts.offset = k.function(site.location)
	copy(texts.text[reasonTextLen:], function)
	if reason != "" || !k.reasons.mayLearn(site.reason) {
		t.sites[site] = texts
	}
	return texts
}

// function returns the function that an address is in, and where in it. It is "" if that is not known.
func (k *KernelDrops) function(location uint64) (name string, offset uint32) {
	var function kernelDropsFunction
	if err := k.objects.Functions.Lookup(location, &function); err != nil {
		return "", 0
	}
	return parseFunction(textOf(function.Text[:]))
}

// parseFunction parses what the kernel prints of an address: NAME+0xOFFSET/0xSIZE, and a module behind that. What the compiler
// has added to the name, such as ".isra.0", is left out, as is an address that is no function's.
func parseFunction(text string) (name string, offset uint32) {
	name, rest, found := strings.Cut(text, "+0x")
	if !found {
		return "", 0
	}
	hex, _, _ := strings.Cut(rest, "/")
	n, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		return "", 0
	}
	name, _, _ = strings.Cut(name, ".")
	return name, uint32(n)
}

// textOf returns the text in an array of C.
func textOf(chars []int8) string {
	var b strings.Builder
	for _, c := range chars {
		if c == 0 {
			break
		}
		b.WriteByte(byte(c))
	}
	return b.String()
}
