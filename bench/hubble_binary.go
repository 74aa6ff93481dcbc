// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// hubbleCommand is the command with Hubble and all that this project's command has, without OTLP. hubbleModule is its module's directory,
// from that of the comparison.
const (
	hubbleCommand = "github.com/cilium/monitor/hubble/cmd/monitor"
	hubbleModule  = "../hubble"
)

// released has binaries built as the Makefile builds them for images.
var released = []string{"build", "-tags", "grpcnotrace", "-trimpath", "-ldflags=-s -w"}

// binarySize is of a stripped binary.
type binarySize struct{ bytes, packages float64 }

// measureBinaries sizes the agents' binaries, which are there, and the command with Hubble, by the names of their packages.
func (b *bench) measureBinaries() (map[string]binarySize, error) {
	command := filepath.Join(b.dir, "monitor")
	if err := goTool(hubbleModule, append(released, "-o", command, hubbleCommand)...).Run(); err != nil {
		return nil, fmt.Errorf("building %s: %w", hubbleCommand, err)
	}
	sizes := map[string]binarySize{}
	size, err := sizeOf(command, hubbleModule, hubbleCommand)
	if err != nil {
		return nil, err
	}
	sizes[hubbleCommand] = size
	for _, agent := range b.opts.agents {
		name := hubbleBinary(agent)
		if sizes[agent], err = sizeOf(filepath.Join(b.dir, name), ".", agentPackage(name)); err != nil {
			return nil, err
		}
	}
	return sizes, nil
}

// sizeOf returns the size of a binary, and how many packages are in it, of the standard library too.
func sizeOf(binary, module, pkg string) (binarySize, error) {
	info, err := os.Stat(binary)
	if err != nil {
		return binarySize{}, err
	}
	out, err := goTool(module, "list", "-deps", pkg).Output()
	if err != nil {
		return binarySize{}, fmt.Errorf("listing the packages of %s: %w", pkg, err)
	}
	return binarySize{float64(info.Size()), float64(bytes.Count(out, []byte("\n")))}, nil
}

// agentPackage returns the package of an agent by the name of its binary.
func agentPackage(name string) string { return "github.com/cilium/monitor/bench/" + name }

// goTool returns a command of the Go toolchain in a directory.
func goTool(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	return cmd
}
