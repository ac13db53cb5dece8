# `make demo` and `make test` are all that a newcomer needs; `make help` lists the rest.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-header
# What starts nothing but itself runs on all cores. The others share daemons and namespaces, or take
# seconds while those wait: those of the lab are in one process, the others in three that give way
# to it: see tests/conftest.py.
ALONE := lab or neo4j or served or sources or monitoring or browser or worlds or processes
# One process more than there are cores: some tests wait for deadlines, and others run meanwhile.
# Two more cost more than they bring: each reads all tests first, which takes seconds.
MANY := $(shell expr $$(nproc 2>/dev/null || echo 1) + 1)
# Each has one thread for its sums: those of BLAS spin while they wait for cores that others hold.
UNIT := OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(MANY) --dist worksteal -m 'not ($(ALONE) or openstack or kubernetes)'
REAL := $(BIN)/python -m pytest -n 4 --dist loadscope -m '$(ALONE)'

# npm works in a folder of its own: nothing that it brings is near what is packed.
PAGE := kgraph/server/page
BUILT := kgraph/server/static/index.html

# The tests start hundreds of processes of ours: none should compile anew what the last one did.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo demo-neo4j page screenshot container test test-deps test-openstack test-kubernetes check lint unit soak campaign bench \
        lock clean

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

# Wheels only: neither root nor a compiler is needed to get here.
.venv/base: requirements/base.txt requirements/build.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "kgraph needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(PIP) install --require-hashes --only-binary :all: -r requirements/base.txt -r requirements/build.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# The binding is compiled against libvirt's headers; where they are missing it is left out.
.venv/libvirt: .venv/base requirements/libvirt.txt
	@if $(BIN)/python -c 'import libvirt' 2>/dev/null; then :; \
	elif command -v cc >/dev/null && pkg-config --exists libvirt 2>/dev/null; then \
	  echo 'building the libvirt binding, about 30 s'; \
	  $(PIP) install --require-hashes --no-build-isolation -r requirements/libvirt.txt || \
	  echo 'libvirt is left out: its binding did not build; python3-dev may be missing'; \
	else echo 'libvirt is left out: it needs a C compiler, python3-dev, pkg-config and libvirt-dev'; fi
	@touch $@

.venv/dev: .venv/base requirements/dev.txt
	$(PIP) install --require-hashes --only-binary :all: -r requirements/dev.txt
	@touch $@

.venv/neo4j: .venv/base requirements/neo4j.txt
	$(PIP) install --require-hashes --only-binary :all: -r requirements/neo4j.txt
	@touch $@

.page/libraries: $(PAGE)/package.json $(PAGE)/package-lock.json
	@command -v npm >/dev/null || { echo 'the page is built with node and npm: make test-deps' >&2; exit 1; }
	@mkdir -p .page && cp $^ .page/
	cd .page && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(BUILT): .page/libraries $(wildcard $(PAGE)/*.* $(PAGE)/src/*)
	@rm -rf .page/src && cp -r $(PAGE)/. .page/
	cd .page && npm run --silent check && npm run --silent build ../kgraph/server/static

# pytest compiles the tests, with asserts that tell more: once here, or each process does all.
.venv/tests: .venv/dev
	-@$(BIN)/python -m pytest -q --collect-only > /dev/null
	@touch $@

page: $(BUILT) ## build what `kgraph serve` shows in a browser

demo: .venv/libvirt ## install into .venv, then find the cause of a bundled alert storm
	$(BIN)/kgraph demo

# Needs Java and Maven: make test-deps. `make demo-neo4j ARGS=--once` ends by itself.
demo-neo4j: .venv/neo4j .venv/libvirt ## the same in a real Neo4j, to be looked at in its Browser
	$(BIN)/python -m tools.neo4j.demo $(ARGS)

# Needs Chromium besides: make test-deps.
screenshot: .venv/dev .venv/libvirt page ## the pictures in the documentation, taken anew
	$(BIN)/python -m tools.neo4j.screenshot docs/images/neo4j-browser.png
	$(BIN)/python -m tests.browser.pictures docs/images

# Needs root, and Debian's buildah and mmdebstrap; the bases are made of Debian's packages.
container: ## the image of deploy/Containerfile, built without a registry, then started and asked
	tools/container/build.sh

test-deps: ## Debian packages for the real lab and a real Neo4j; asks first, unless root under CI=true
	tests/lab/deps.sh

# Without root the lab's tests are skipped, each with a line that says so; under CI that fails.
test: .venv/dev ## install what the tests need, and run all of them, the real parts included
	@tests/lab/deps.sh || [ "$$CI" != true ]
	@rm -f .venv/libvirt
	@$(MAKE) --no-print-directory .venv/libvirt
	@$(MAKE) --no-print-directory -kj2 page .venv/tests || [ "$$CI" != true ]
	$(UNIT)
	$(REAL)

# Real Keystone, Nova, Neutron, Cinder and Placement, in an environment of their own (700 MB), of
# which `ovs` is published as source alone. Needs Debian's mariadb-server and rabbitmq-server.
.openstack/ready: requirements/openstack.txt
	$(PYTHON) -m venv .openstack
	.openstack/bin/pip --disable-pip-version-check --quiet install --require-hashes \
	  --only-binary :all: --no-binary ovs -r $<
	@touch $@

# `make test-openstack RECORD=1` takes the answers anew that `make test` is served.
test-openstack: .venv/dev .openstack/ready ## the OpenStack source against real services; minutes
	KGRAPH_TEST_RECORD=$(RECORD) $(BIN)/python -m pytest -q -m openstack tests/ingest/openstack

# Kubernetes' API server and etcd, compiled from their Go modules: Go 1.23 or newer and half a
# gigabyte; ten minutes the first time. RECORD=1 as above.
LIVE := tests/ingest/kubernetes/live/apiserver
.kubernetes/apiserver: $(LIVE)/main.go $(LIVE)/go.mod $(LIVE)/go.sum
	@command -v go >/dev/null || { echo 'the API server is compiled with Go, 1.23 or newer' >&2; exit 1; }
	cd $(LIVE) && CGO_ENABLED=0 go build -buildvcs=false -ldflags='-s -w' -o $(CURDIR)/$@ .

test-kubernetes: .venv/dev .kubernetes/apiserver ## the Kubernetes source against a real API server
	KGRAPH_TEST_RECORD=$(RECORD) $(BIN)/python -m pytest -q -m kubernetes tests/ingest/kubernetes

check: lint unit ## lint, types, contracts, unit tests

unit: .venv/dev .venv/libvirt ## the tests that start nothing but themselves
	@$(MAKE) --no-print-directory -kj2 page .venv/tests || [ "$$CI" != true ]
	$(UNIT)

lint: .venv/dev .venv/libvirt ## style, types, contracts between the packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Three quarters of an hour and more; what it found is in docs/measured.md.
soak: .venv/dev .venv/libvirt ## the long loops: kills, readers, fuzzed documents
	KGRAPH_TEST_KILLS=30 KGRAPH_TEST_READERS=8 $(BIN)/python -m pytest -q --timeout 3000 \
	  tests/conformance/test_processes.py
	KGRAPH_TEST_NIGHTS=2000 $(BIN)/python -m pytest -q --timeout 3000 \
	  tests/remedies/test_random_nights.py
	KGRAPH_TEST_LOAD_SECONDS=600 $(BIN)/python -m pytest -q -s --timeout 3000 \
	  tests/kgraph/server/test_load.py
	KGRAPH_TEST_SEEDS=3 $(BIN)/python -m pytest -q -n auto --timeout 3000 -m 'not ($(ALONE))' tests/rca
	KGRAPH_TEST_EXAMPLES=10000 $(BIN)/python -m pytest -q --timeout 3000 tests/ingest/topology
	$(BIN)/python -m pytest -q -n auto --timeout 3000 --hypothesis-profile soak \
	  -m 'hypothesis and not ($(ALONE))'
	@$(MAKE) --no-print-directory campaign

# More than an hour. Both go on where kept results end (`FAULTS=60 make campaign`), so they can be
# run in slices; what they found is in docs/campaigns.md.
FAULTS ?= 200
campaign: .venv/dev .venv/libvirt ## random faults on the real lab and on 10,000 simulated guests
	$(BIN)/python -m tests.lab.campaign --faults $(FAULTS); \
	lab=$$?; $(BIN)/python -m tests.remedies.simulator.campaign && exit $$lab

# One that does not run here takes no other with it.
bench: .venv/dev ## speed as ratios to a named reference, CPU time
	@failed=; for each in tests/bench/bench_*.py; do \
	  $(BIN)/python -m tests.bench.$$(basename $$each .py) || failed="$$failed $$each"; done; \
	[ -z "$$failed" ] || { echo "these did not come to their end:$$failed" >&2; exit 1; }

# What the base holds has the same version everywhere: two are in one environment.
lock: ## write requirements/*.txt anew from pyproject.toml
	$(LOCK) pyproject.toml -o requirements/base.txt
	$(LOCK) requirements/build.in -o requirements/build.txt
	$(LOCK) -c requirements/base.txt --group dev -o requirements/dev.txt
	$(LOCK) -c requirements/base.txt --extra libvirt pyproject.toml -o requirements/libvirt.txt
	$(LOCK) -c requirements/base.txt --extra neo4j pyproject.toml -o requirements/neo4j.txt
	$(LOCK) -c requirements/base.txt --extra mcp pyproject.toml -o requirements/mcp.txt
	$(LOCK) -c requirements/base.txt --extra placement pyproject.toml -o requirements/placement.txt
	$(LOCK) requirements/openstack.in -o requirements/openstack.txt
	cd $(PAGE) && npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --no-audit --no-fund

clean: ## remove everything that was installed or built here
	rm -rf .venv .openstack .kubernetes .neo4j .page kgraph/server/static dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
