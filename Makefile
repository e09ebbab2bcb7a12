# Everything a developer runs. Each target sets up what it needs under .venvs and .cache.
PYTHON ?= python3
CORE ?= 2.19
CORES := 2.16 2.19
WORKERS ?= 6

COLLECTIONS := .cache/collections
VENV := .venvs/core-$(CORE)
LAB_OPTIONS = --directory .cache/lab $(if $(filter-out 0,$(FAIL)),--fail $(FAIL))

.DEFAULT_GOAL := help
.PHONY: help venv
help:  ## Show the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

$(COLLECTIONS)/.ready:
	@mkdir -p $(COLLECTIONS)/ansible_collections/hatci $(COLLECTIONS)/ansible_collections/jumpstarter
	@ln -sfn ../../../.. $(COLLECTIONS)/ansible_collections/hatci/automation
	@ln -sfn ../../../../companion/jumpstarter $(COLLECTIONS)/ansible_collections/jumpstarter/jumpstarter
	@touch $@

.venvs/core-%/.ready: requirements/pip.txt requirements/test.txt tests/lab/pyproject.toml
	@$(PYTHON) dev/set_up.py $(@D) -r requirements/test.txt 'ansible-core==$*.*' -- \
	  --no-build-isolation --no-deps -e tests/lab
	@touch $@

venv: $(VENV)/.ready $(COLLECTIONS)/.ready  ## Set up ansible-core $(CORE), jmp and the virtual lab

.venvs/%/.ready: requirements/pip.txt requirements/%.txt
	@$(PYTHON) dev/set_up.py $(@D) -r requirements/$*.txt
	@touch $@

.PHONY: test
test: $(COLLECTIONS)/.ready  ## Run every test; those that start plays run on ansible-core 2.16 and 2.19
	@$(MAKE) --no-print-directory --jobs 3 $(CORES:%=.venvs/core-%/.ready) .venvs/aap/.ready .venvs/eda/.ready \
	  .venvs/s3/.ready
	@$(VENV)/bin/python -m pytest --numprocesses $(WORKERS) --dist worksteal $(ARGS)

.PHONY: demo lab
demo: $(VENV)/.ready $(COLLECTIONS)/.ready  ## Run one OTA test in a virtual lab; FAIL=1, dtc, lies or wrong_vehicle lets it fail
	@exec env ANSIBLE_COLLECTIONS_PATH=$(CURDIR)/$(COLLECTIONS) $(VENV)/bin/python -m hatci_lab.demo $(LAB_OPTIONS)

lab: $(VENV)/.ready $(COLLECTIONS)/.ready  ## Run a virtual lab for tests of your own until Ctrl-C; FAIL= as for demo
	@exec env ANSIBLE_COLLECTIONS_PATH=$(CURDIR)/$(COLLECTIONS) $(VENV)/bin/python -m hatci_lab.demo.lab $(LAB_OPTIONS)

.PHONY: molecule
molecule: .venvs/core-2.19/.ready .venvs/molecule/.ready $(COLLECTIONS)/.ready  ## Run a molecule scenario for each role; ROLE=hatci_preflight runs one
	@PATH="$(CURDIR)/.venvs/core-2.19/bin:$$PATH" ANSIBLE_HOME=$(CURDIR)/.cache/ansible \
	  ANSIBLE_COLLECTIONS_PATH=$(CURDIR)/$(COLLECTIONS) .venvs/molecule/bin/molecule --base-config \
	  extensions/molecule/config.yml test $(if $(ROLE),--scenario-name $(ROLE),--all) --no-command-borders $(ARGS)

.PHONY: ee
ee: build .venvs/aap/.ready  ## Write the build context of an execution environment for AAP to .cache/ee
	@rm -rf .cache/ee && mkdir .cache/ee
	@cp .cache/dist/hatci-automation-*.tar.gz extensions/aap/execution-environment.yml .cache/ee
	@cd companion/jumpstarter && ANSIBLE_HOME=$(CURDIR)/.cache/ansible $(CURDIR)/.venvs/aap/bin/ansible-galaxy \
	  collection build --output-path $(CURDIR)/.cache/ee
	@cd .cache/ee && $(CURDIR)/.venvs/aap/bin/ansible-builder create --output-filename Containerfile

.PHONY: bench
bench: $(VENV)/.ready $(COLLECTIONS)/.ready  ## Measure speed and memory beside uri tasks, for docs/PERFORMANCE.md; QUICK=1 only tries it
	@$(VENV)/bin/python tests/bench $(if $(filter-out 0,$(QUICK)),--quick,--write docs/PERFORMANCE.md)

.PHONY: scenarios
scenarios: $(VENV)/.ready $(COLLECTIONS)/.ready  ## Run each scenario on good cars and on wrong ones, for docs/SCENARIOS.md
	@$(VENV)/bin/python tests/bench/scenarios.py $(ARGS)

.PHONY: matrix
matrix: .venvs/core-2.19/.ready $(COLLECTIONS)/.ready  ## Run the walkthrough on every supported ansible-core and jmp
	@.venvs/core-2.19/bin/python dev/matrix.py

.PHONY: docs
docs: .venvs/docs/.ready  ## Make the site of the documentation in .cache/docs/html
	@.venvs/docs/bin/python dev/docs/build.py

.PHONY: lint sanity build importer lock changelog
lint: .venvs/lint/.ready .venvs/core-2.19/.ready $(COLLECTIONS)/.ready  ## Run every static check: style, types, YAML, documentation, changelog
	@.venvs/lint/bin/python dev/lint.py

sanity: .venvs/sanity/.ready  ## Run ansible-test sanity, no ignore files
	@.venvs/sanity/bin/python dev/sanity.py

build: .venvs/importer/.ready  ## Build the tarball that users install into .cache/dist
	@rm -rf .cache/dist
	@.venvs/importer/bin/python dev/checkout.py .cache/checkout/build
	@cd .cache/checkout/build/ansible_collections/hatci/automation && \
	  ANSIBLE_HOME=$(CURDIR)/.cache/ansible $(CURDIR)/.venvs/importer/bin/ansible-galaxy \
	  collection build --output-path $(CURDIR)/.cache/dist

importer: build  ## Import the tarball as Galaxy would; any remark fails
	@.venvs/importer/bin/python dev/importer.py .cache/dist/*.tar.gz

lock: .venvs/lock/.ready  ## Lock the newest versions of what the tools need: requirements/NAME.in gives NAME.txt
	@.venvs/lock/bin/python dev/lock.py

changelog: .venvs/lint/.ready  ## Bring CHANGELOG.md up to date with the fragments and the modules
	@PATH="$(CURDIR)/.venvs/lint/bin:$$PATH" ANSIBLE_HOME=$(CURDIR)/.cache/ansible \
	  antsibull-changelog release --update-existing --refresh-fragments without-archives
	@rm -f changelogs/.plugin-cache.yaml
