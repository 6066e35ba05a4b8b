# Every target does the set-up it needs, once. On a fresh machine: python3 (3.11 or newer) with venv, and make.
PYTHON ?= python3
PARAMS ?= params/demo.yaml
SET ?=
ONLY ?=
ARGS ?=
# JupyterLab refuses to run as root, as in a container, unless it is told to.
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)
BENCH ?=
RUN ?= $(patsubst %/manifest.json,%,$(shell ls -t $(or $(HELPERS_RUNS),runs)/*/manifest.json 2>/dev/null | grep -vE '/(interactive|app|bench)-' | head -1))
# A Linux user saves gigabytes with the address of a pip index that holds CPU builds of torch.
TORCH_INDEX ?=
BROWSER := $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check
# pip would compile all modules one after the other; all but their tests are compiled beside the building of the model.
QUIETLY := --quiet --no-compile
ADAPTER := src/helpers/data/adapter/adapter_model.safetensors
MODEL := $(or $(HELPERS_CACHE),.cache)/models/smollm2-135m-dialogues/model.safetensors
INSTALL_TORCH = $(PIP) install $(QUIETLY) torch==2.13.0
SETS = $(foreach pair,$(SET),--set $(pair))
PAGES = $(foreach page,$(ONLY),--only $(page))

.DEFAULT_GOAL := help
.PHONY: help setup report showcase render test test-slow bench statistics docs pictures explore serve app dashboard deploy teardown lint clean
deploy teardown: PARAMS = params/endpoint.yaml

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(VENV)/.core $(MODEL) ## the environment in .venv and the demonstration model

report: setup $(if $(findstring trackio,$(SET)),$(VENV)/.trackio) ## measure and publish: make report [PARAMS=params/endpoint.yaml] [SET="samples.n=50"] [ONLY=03]
	$(PY) -m helpers report $(PARAMS) $(SETS) $(PAGES)

showcase: PARAMS = params/showcase.yaml
showcase: report ## the long run whose pages are the committed reports/: all of the test dialogues, about an hour on an idle machine

render: $(VENV)/.core ## render a finished run again: make render [RUN=runs/…] [SET="targets.average_latency.max=4"]
	$(PY) -m helpers render $(RUN) $(SETS)

test: $(VENV)/.test $(MODEL) ## all tests but the slow ones, about eight minutes; browser tests when a Chromium is there
ifeq ($(BROWSER),)
	@echo "make test: no Chromium on this machine, so the browser tests (marker 'browser') are NOT run" >&2
endif
	$(PY) -m pytest -n 2 --dist worksteal -m "not slow and not bench$(if $(BROWSER),, and not browser)"

test-slow: $(VENV)/.test $(VENV)/.explore $(MODEL) ## the slow tests: coverage simulations, kills and restarts
	$(PY) -m pytest -n 2 --dist worksteal -m slow

bench: $(VENV)/.test $(MODEL) ## every engine on BART-large, at most 90 minutes [BENCH="--limit 30"]; then servers, neighbours and load, 40; idle machine
	$(PY) -m helpers bench $(BENCH)
	$(PY) -m helpers bench --servers
	$(PY) -m helpers bench --neighbours --limit 15
	$(PY) -m pytest -m bench -s

statistics: $(VENV)/.core ## docs/statistics.md: how often verdicts are wrong and how often they decide, simulated
	$(PY) -m helpers.experiments.calibration.document docs/statistics.md

docs: $(VENV)/.core ## docs/cli.md from what --help says
	$(PY) -m helpers.cli.reference docs/cli.md

pictures: $(VENV)/.test ## the pictures of the README, from the published pages
	$(PY) -m tests.render.browser

explore: setup $(VENV)/.explore ## the notebooks in JupyterLab, from a page that explains them [ARGS="--port 8890 --no-browser"]
	$(PY) -m jupyterlab --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/notebooks/00-start.ipynb $(AS_ROOT) $(ARGS)

serve: setup ## the model of PARAMS over HTTP on loopback
	$(PY) -m helpers serve $(PARAMS) $(SETS)

app: setup $(VENV)/.app ## the web app of PARAMS on loopback [ARGS="--port 0"]
	$(PY) -m helpers app $(PARAMS) $(SETS) $(ARGS)

dashboard: $(VENV)/.core $(VENV)/.trackio ## the trackio dashboard of the runs that were reported with SET="tracking.backend=trackio"
	TRACKIO_DIR=$(or $(TRACKIO_DIR),$(or $(HELPERS_RUNS),runs)/.trackio) $(VENV)/bin/trackio show

deploy: $(VENV)/.core ## show the endpoint PARAMS declares and its price; YES=1 creates it and waits until it runs
	$(PY) -m helpers endpoint create $(PARAMS) $(SETS) $(if $(YES),--yes)
	$(if $(YES),$(PY) -m helpers endpoint wait $(PARAMS) $(SETS))

teardown: $(VENV)/.core ## delete the endpoint of PARAMS; asks for its name
	$(PY) -m helpers endpoint delete $(PARAMS) $(SETS)

lint: $(VENV)/.test ## ruff, mypy, who may import whom, that no notebook output is committed, and where links lead
	$(PY) -m ruff check . && $(PY) -m ruff format --check . && $(PY) -m mypy
	$(VENV)/bin/lint-imports --no-cache --no-logo
	$(VENV)/bin/nbstripout --keep-id --verify notebooks/*.ipynb
	$(PY) -m pytest -q tests/unit/test_links.py

clean: ## everything that can be made again, runs and reports excepted
	rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis

# torch first: where the package index offers a CPU build of this version pip takes it.
$(VENV)/.core: requirements.txt requirements-openvino.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "make: Python 3.11 or newer is needed, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(if $(TORCH_INDEX),$(INSTALL_TORCH) --index-url $(TORCH_INDEX) ||) $(INSTALL_TORCH)
	$(PIP) install $(QUIETLY) -c requirements.txt -e .
	$(PIP) install $(QUIETLY) --no-deps -r requirements-openvino.txt
	touch $@

$(VENV)/.test: $(VENV)/.app $(VENV)/.scale $(VENV)/.trackio

$(VENV)/.test $(VENV)/.explore $(VENV)/.app $(VENV)/.scale $(VENV)/.trackio: $(VENV)/.%: $(VENV)/.core
	$(PIP) install $(QUIETLY) -c requirements.txt -e '.[$*]'
	touch $@

$(MODEL): $(ADAPTER) | $(VENV)/.core
	$(PY) -m compileall -qq -j 0 -x '/tests?/' $(VENV)/lib & $(PY) -m helpers demo-model && touch -c $@; built=$$?; wait; exit $$built
