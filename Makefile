# The commands of this project; `make help` lists them.
.DEFAULT_GOAL := help
PYTHON ?= python3
PORT ?= 8000
export PORT

.PHONY: help
help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

.PHONY: run
run: packages-run .venv/production ## start everything on http://127.0.0.1:8000 (PORT=8001 moves it)
	@.venv/bin/python docker/run.py

URL ?= http://127.0.0.1:8000
TOKEN ?=
CA ?=
.PHONY: tour
tour: .venv/production ## walk through a running service (URL=http://127.0.0.1:8000, TOKEN=..., CA=ca.pem)
	@.venv/bin/python $(if $(TOKEN),-m filesvc.tour --token $(TOKEN),manage.py tour) --url $(URL) $(if $(CA),--ca $(CA))

.PHONY: test
test: packages-test .venv/development ## run the whole suite with its coverage gates
	@tests/run-suite

.PHONY: long
long: packages-test .venv/development ## damage real files in 20,000 ways (about a quarter of an hour)
	@.venv/bin/python -m pytest -m property --hypothesis-profile=long -p no:cacheprovider \
	    tests/filesvc/test_any_file.py

MINUTES ?= 10
SEED ?=
.PHONY: chaos
chaos: packages-test .venv/development ## break a service of its own for MINUTES=10, count what was lost (SEED=7 repeats)
	@.venv/bin/python -m tests.chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

.PHONY: weakened
weakened: packages-test .venv/development ## take guards away one by one and expect a test to notice
	@.venv/bin/python -m pytest -m weakened -n 2 -p no:cacheprovider tests/weakened

.PHONY: faults
faults: packages-test .venv/development ## provoke every fault of the catalogue, and print its table into ARCHITECTURE.md
	@rm -f var/faults.json
	@.venv/bin/python -m pytest -m "fault or slow_fault" -n 2 --dist loadfile -p no:cacheprovider \
	    --fault-report=var/faults.json tests
	@.venv/bin/python tests/print_faults.py --write

ROUNDS ?= 5
# The ratio of LOADTEST.md less what machines differ.
GUARD ?= 0.3
.PHONY: bench
bench: packages-bench .venv/development ## measure uploads against the plain solution, in turns (ROUNDS=5)
	@.venv/bin/python -m tests.load.bench --rounds $(ROUNDS) --csv docs/load/uploads.csv
	@.venv/bin/python -m tests.load.draw docs/load/uploads.csv docs/load/uploads.svg

.PHONY: bench-guard
bench-guard: packages-bench .venv/development ## end with 1 when uploads became slower than the guard allows (3 minutes)
	@.venv/bin/python -m tests.load.bench --rounds 3 --seconds 4 --sizes 1k,1m --at-least $(GUARD)

.PHONY: bench-all
bench-all: packages-bench .venv/development var/locust ## every measurement in turn, CSVs in docs/load/ (45 minutes; ONLY=users,cost)
	@.venv/bin/python -m tests.load $(if $(ONLY),--only $(ONLY))

USERS ?= 40
SECONDS ?= 60
.PHONY: bench-users
bench-users: packages-bench .venv/development var/locust ## people with think time through nginx (USERS=40 SECONDS=60)
	@.venv/bin/python -m tests.load.users --users $(USERS) --seconds $(SECONDS)

.PHONY: check
check: packages-test .venv/development ## format, lint, types, import rule, generated files
	@tests/run-checks

MODULES ?=
SAMPLE ?=
.PHONY: mutants mutants-changed
mutants: packages-test .venv/development ## change security/ and errors/ in small ways, count what tests notice (hours)
	@.venv/bin/python -m tests.mutants $(if $(SAMPLE),--sample $(SAMPLE)) $(MODULES)
mutants-changed: packages-test .venv/development ## the same for the files that differ from main, a few of each
	@.venv/bin/python -m tests.mutants --changed --sample $(or $(SAMPLE),20)

.PHONY: gates
gates: .venv/development ## judge the coverage of the last `make test` again
	@.venv/bin/python -m tests.gates

.PHONY: audit
audit: .venv/development ## ask for known faults of the pinned packages
	@.venv/bin/python -m tests.audit_packages $(if $(REQUIRED),--required)

.PHONY: sbom
sbom: .venv/development ## write the bill of materials (CycloneDX) to var/sbom.json
	@.venv/bin/python -m tests.print_sbom var/sbom.json
	@echo "wrote var/sbom.json"

.PHONY: compose-test
compose-test: ## start the service with Docker Compose and try what it promises (no state is kept)
	@$(PYTHON) -m tests.docker

.PHONY: image-test
image-test: ## run the whole suite in a container
	@DOCKER_BUILDKIT=1 docker build --quiet --file docker/Dockerfile --target test --tag filesvc-test .
	@docker run --rm --init filesvc-test

.PHONY: signatures
signatures: packages-run ## fetch the official signatures now, for a running service
	@freshclam --config-file=var/run/freshclam.conf --stdout

.PHONY: requirements
requirements: .venv/development ## pin the libraries anew, with hashes
	@.venv/bin/pip install --quiet uv
	@for name in requirements requirements-dev tests/load/requirements; do .venv/bin/uv pip compile --quiet --universal \
	    --python-version 3.11 --generate-hashes --no-header $$name.in -o $$name.txt; done

.PHONY: packages-run packages-test packages-bench
packages-run:
	@docker/install-packages run
packages-test:
	@docker/install-packages test
packages-bench: packages-test
	@docker/install-packages bench

.venv/production: requirements.txt | packages-run
	@$(PYTHON) -m venv .venv
	@echo "installing Python packages into .venv"
	@.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

# Locust brings a web server and gevent along: an environment of its own keeps them out of ours.
var/locust: tests/load/requirements.txt
	@$(PYTHON) -m venv $@
	@echo "installing Locust into $@"
	@$@/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv/development: requirements-dev.txt | packages-test
	@$(PYTHON) -m venv .venv
	@echo "installing Python packages into .venv"
	@.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch .venv/production $@
