# What can be made. Each target installs what it needs into the project's folder.

GO       ?= go
PYTHON   ?= python3
VENV     := .venv/installed
LIVE     := conformance/.venv
# How much conformance takes: one loss of how many, random requests for each of them, seconds
# for each fuzzer. Which losses, and which requests, changes with every 16 commits. SAMPLE=1
# REQUESTS=200 FUZZ=10 is all, in hours of 2 cores.
SAMPLE   ?= 8
REQUESTS ?= 50
FUZZ     ?= 5
SEED     ?= $(shell echo $$(($$(git rev-list --count HEAD 2>/dev/null || echo 0) / 16)))

.DEFAULT_GOAL := help

help: ## print this list
	@grep -E '^[a-z -]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

build: ## build the command into ./lossgen
	$(GO) build -o lossgen ./cmd/lossgen

# The tests allocate much and hold little: a garbage collector that waits longer saves a
# sixth of their time.
test: export GOGC = 400
test: $(VENV) ## all Go tests, on both engines
	$(GO) vet ./...
	$(GO) test ./...

test-pure: ## without cgo: the command, the engines and the files it writes; the rest does not know the difference
	CGO_ENABLED=0 $(GO) vet ./...
	CGO_ENABLED=0 $(GO) test ./cli ./cmd/... ./export/... ./runtime/...

race: $(VENV) ## the tests that use several goroutines, with the race detector
	$(GO) test -race ./runtime/...
	$(GO) test -race -run 'TestBroadcastGradients|TestSmallUpstream|TestSizes' ./builder
	$(GO) test -race -skip 'TestSupport|TestMutations|TestBackendTests|TestEmbeddedGoldens|TestTraining' ./verify # these take longest, and run what the others do
	$(GO) test -race -run Concurrent ./losses

lint: ## gofmt, go vet and staticcheck
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo 'gofmt would change these files'; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

generate: ## rewrite what is generated from the declarations: the README's table, the pages of losses
	$(GO) test ./cmd/lossgen -run 'TestReadme|TestPages' -update
	$(GO) test ./cli -run Document -update
	LOSSGEN_TEST_EVERY=1 $(GO) test ./verify -run Support -update

golden: build $(LIVE)/installed ## make the golden cases again with PyTorch
	./lossgen cases --json > build-cases.json
	$(LIVE)/bin/python testdata/golden.py build-cases.json testdata/golden
	rm build-cases.json
	$(GO) run ./conformance/live/domains cases --json | $(LIVE)/bin/python testdata/golden.py --only domains - conformance/live/domains/golden

conformance: build $(LIVE)/installed ## compare with PyTorch live, train in each stack, run the fuzzers: everything heavy
	$(LIVE)/bin/python conformance/run.py --lossgen ./lossgen --requests $(REQUESTS) --sample $(SAMPLE) --fuzz $(FUZZ) --seed $(SEED)

goldens files live models adapters stacks docs fuzz: build $(LIVE)/installed ## one kind of what conformance runs, a folder in conformance each
	$(LIVE)/bin/python conformance/run.py --kinds $@ --lossgen ./lossgen --requests $(REQUESTS) --sample $(SAMPLE) --fuzz $(FUZZ) --seed $(SEED)

frameworks: build conformance/adapters/environments/jax/.venv/installed conformance/adapters/environments/tensorflow/.venv/installed ## train with JAX and TensorFlow (downloads 2 GB)
	conformance/adapters/environments/jax/.venv/bin/python conformance/adapters/stack.py --lossgen ./lossgen --stack jax --sample $(SAMPLE) --seed $(SEED)
	conformance/adapters/environments/tensorflow/.venv/bin/python conformance/adapters/stack.py --lossgen ./lossgen --stack tensorflow --sample $(SAMPLE) --seed $(SEED)

conventions: build conformance/frameworks/.venv/installed ## run the calls of other frameworks that lossgen knows against its files (downloads 200 MB)
	conformance/frameworks/.venv/bin/python conformance/frameworks/calls.py --lossgen ./lossgen

exports: build conformance/models/.venv/installed ## gradients of whole models in both exports of PyTorch, language models too (downloads 200 MB beside PyTorch)
	conformance/models/.venv/bin/python conformance/models/exports.py --lossgen ./lossgen

consumers: build $(LIVE)/installed ## run every loss in other consumers of ONNX files and check docs/support.md (downloads 300 MB)
	$(LIVE)/bin/python conformance/consumers/run.py --lossgen ./lossgen --show

bench: build bench/.venv/installed ## time every loss against PyTorch and write docs/benchmarks
	bench/.venv/bin/python bench/bench.py --lossgen ./lossgen
	bench/.venv/bin/python bench/profiles.py --lossgen ./lossgen

clean: ## remove what the other targets made
	rm -rf lossgen build .venv bench/.venv conformance/.venv conformance/.cache conformance/adapters/environments/*/.venv conformance/consumers/.venv conformance/models/.venv

$(VENV): runtime/ort/requirements.txt
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet -r $<
	touch $@

%/.venv/installed: %/requirements.txt
	$(PYTHON) -m venv $*/.venv
	$*/.venv/bin/pip install --quiet -r $<
	touch $@

.PHONY: help build test test-pure race lint generate golden conformance goldens files live models adapters stacks docs fuzz exports frameworks conventions consumers bench clean
