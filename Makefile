# SPDX-License-Identifier: Apache-2.0

GO ?= go

# What tests, generated code and the demonstration need beyond Go, by the command that
# tells whether it is there, and Debian's package.
CLANG := clang-14
LLVM  := llvm-strip-14

# The nested modules have dependencies of their own.
MODULES := . bench ciliumagent deploy example hubble hubble/otlp tools

.PHONY: help
help: ## Show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

.PHONY: run
run: build ## Show what the kernel drops on loopback, what a rule drops, and what gets through (as root)
	@scripts/run bin/monitor

.PHONY: build
build: ## Build bin/monitor
	@$(GO) build -o bin/monitor ./cmd/monitor

# Without tracing of its own, gRPC does not keep the linker from leaving out what nobody calls.
HUBBLE_BUILD := $(GO) build -C hubble -tags grpcnotrace

.PHONY: build-hubble
build-hubble: ## Build bin/hubble/monitor: the monitor with Hubble
	@$(HUBBLE_BUILD) -o $(CURDIR)/bin/hubble/monitor ./cmd/monitor

IMAGE          ?= monitor:latest
CONTAINER_TOOL ?= $(firstword $(foreach tool,docker podman buildah,$(shell command -v $(tool))))
.PHONY: image
image: ## Build the container image IMAGE, with docker, podman or buildah
	@test -n '$(CONTAINER_TOOL)' || { echo 'Please install docker, podman or buildah.' >&2; exit 1; }
	CGO_ENABLED=0 GOOS=linux $(GO) build -trimpath -ldflags '-s -w' -o bin/image/monitor ./cmd/monitor
	$(CONTAINER_TOOL) build -f deploy/Containerfile -t $(IMAGE) bin/image

.PHONY: image-hubble
image-hubble: ## Build the container image IMAGE of the monitor with Hubble
	@test -n '$(CONTAINER_TOOL)' || { echo 'Please install docker, podman or buildah.' >&2; exit 1; }
	CGO_ENABLED=0 GOOS=linux $(HUBBLE_BUILD) -trimpath -ldflags '-s -w' -o $(CURDIR)/bin/image-hubble/monitor ./cmd/monitor
	$(CONTAINER_TOOL) build -f deploy/Containerfile -t $(IMAGE) bin/image-hubble

.PHONY: test
test: ## Run all tests with the race detector (as root, with BPF)
	@scripts/test

.PHONY: test-hubble
test-hubble: build-hubble ## Try the monitor with Hubble with the hubble command line and Relay of Cilium, which it builds (as root)
	cd bench && $(GO) build -ldflags '-s -w' -o $(CURDIR)/bin/hubble/ $(patsubst %,github.com/cilium/cilium/%,hubble hubble-relay)
	cd hubble && HUBBLE_TEST_BINARIES=$(CURDIR)/bin/hubble $(GO) test -count=1 ./acceptance

# The collector takes minutes to build and download, so this is no part of ci, and its module none of MODULES.
.PHONY: test-collector
test-collector: ## Try the monitor with OTLP with OpenTelemetry's collector, which it builds (as root)
	cd hubble/otlp/acceptance && $(GO) vet ./... && $(LINT) run ./... && $(GO) test -count=1 ./...

# Debian's releases whose kernels are tried: 6.1, without TCX, and 6.12.
KERNELS ?= bookworm trixie
.PHONY: test-kernels
test-kernels: ## Run the tests that need root in the kernels of Debian's releases KERNELS, in QEMU
	@scripts/test-kernels $(KERNELS)

# Only Debian has a mirror with these kernels set up.
ON_DEBIAN := $(shell . /etc/os-release 2>/dev/null && [ "$$ID" = debian ] && echo yes)

.PHONY: ci
ci: format vet staticcheck lint api-check generated cross test test-hubble $(if $(ON_DEBIAN),test-kernels) conformance ## Everything that has to pass

.PHONY: format
format: ## Check that the code is gofmt-ed
	@test -z "$$(gofmt -l . | tee /dev/stderr)"

.PHONY: vet
vet: ## Run go vet
	@$(foreach module,$(MODULES),(cd $(module) && $(GO) vet ./...) &&) true

.PHONY: staticcheck
staticcheck: ## Run staticcheck
	$(GO) tool staticcheck ./...
	cd hubble && $(GO) tool -modfile=$(CURDIR)/go.mod staticcheck ./...
	cd hubble/otlp && $(GO) tool -modfile=$(CURDIR)/go.mod staticcheck ./...

# Built by tools/go.mod, whose dependencies are no concern of the module's users.
LINT := $(GO) tool -modfile=$(CURDIR)/tools/go.mod golangci-lint
.PHONY: lint
lint: ## Run the linters of .golangci.yaml
	@$(foreach module,$(MODULES),(cd $(module) && $(LINT) run ./...) &&) true

.PHONY: api
api: ## Write down in docs/api.txt what the packages export
	$(GO) run -C tools ./apilist >docs/api.txt

.PHONY: api-check
api-check: ## Check that docs/api.txt is what the packages export
	@$(GO) run -C tools ./apilist | diff -u docs/api.txt - || \
		{ echo 'The public API changed: if that is meant, run "make api", and tell it in CHANGELOG.md.' >&2; exit 1; }

.PHONY: generate
generate: ## Compile the BPF programs again (installs clang)
	@scripts/install $(CLANG):clang-14 $(LLVM):llvm-14 /usr/include/bpf/bpf_helpers.h:libbpf-dev
	$(GO) generate ./...
	$(GO) generate -C bench ./...

.PHONY: generated
generated: generate ## Check that the committed BPF objects are those of the sources
	@git diff --exit-code --stat -- '*_bpfel.go' '*_bpfel.o' || \
		{ echo 'The generated code is not that of the sources: commit what "make generate" made.' >&2; exit 1; }

.PHONY: cross
cross: ## Build for the other platforms
	GOOS=linux GOARCH=amd64 $(GO) build ./...
	GOOS=linux GOARCH=arm64 $(GO) build ./...
	GOOS=darwin GOARCH=arm64 $(GO) build ./api/... ./format/... ./client/...

.PHONY: bench
bench: ## Run the Go benchmarks of each stage
	$(GO) test -run '^$$' -bench . -benchmem ./...

.PHONY: bench-cilium
bench-cilium: ## Compare this agent with Cilium's on the same work, and write docs/bench.md (as root, half an hour)
	cd bench && $(GO) run . -docs .. $(BENCH)

.PHONY: bench-shapes
bench-shapes: ## Compare them on bursts and traffic alone, and write docs/bench.md; BENCH='-only shapes -rates 5000' looks at some, writes nothing
	cd bench && $(GO) run . -only shapes,traffic $(or $(BENCH),-docs ..)

.PHONY: bench-frontier
bench-frontier: ## Measure what --monitor-max-delay costs and gives, and write docs/bench.md (as root, some minutes)
	cd bench && $(GO) run . -only frontier -agents monitor-agent -docs .. $(BENCH)

.PHONY: bench-hubble
bench-hubble: ## Compare Hubble on this agent with Cilium's observer, and write docs/hubble.md (as root, three minutes)
	cd bench && $(GO) run . -only hubble -docs .. $(BENCH)

.PHONY: bench-drops
bench-drops: ## Measure what a packet costs that the kernel drops, at millions a second (as root, a quarter of a minute)
	$(GO) test -run '^$$' -bench KernelDrop -benchtime 5x ./bpf

.PHONY: bench-format
bench-format: ## Compare the formatters with Cilium's on the same events (half a minute)
	cd bench && $(GO) run ./formatbench

.PHONY: conformance
conformance: ## Decode and print beside Cilium's own packages
	cd bench && $(GO) test ./conformance/... ./formatbench/...
	cd ciliumagent && $(GO) test ./...

RUNS ?= 20
.PHONY: reliability
reliability: ## Try RUNS times what docs/reliability.md promises, and write down how often it held (as root)
	$(GO) run -C tools ./reliability -runs $(RUNS) $(CURDIR)/docs/reliability.md

FUZZTIME ?= 15s
.PHONY: fuzz
fuzz: ## Fuzz every target, for FUZZTIME each
	@scripts/fuzz $(FUZZTIME)

MUTATE ?= ./agent/internal/... ./api/... ./client ./metrics ./format ./format/pcapng
.PHONY: mutate
mutate: ## Change the code of MUTATE (of ONLY there) in one place at a time, and tell which changes no test notices
	@$(GO) run -C tools ./mutate -only '$(ONLY)' $(MUTATE)

SOAK ?= 2m
.PHONY: soak
soak: ## Load an agent with everything at once for SOAK, and account for each event (as root)
	@scripts/soak $(SOAK) $(if $(ON_DEBIAN),trixie)

.PHONY: man
man: ## Write the manual pages to bin/man
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(GO) run -tags man ./cmd/monitor bin/man
