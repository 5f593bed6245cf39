# Needs only Python 3.11 or newer, git and make; everything else is installed into .venv.

UV := .venv/bin/uv
OUT ?= out/example

# Compiled modules are kept: without them every start of a command takes a second and a half longer.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run example check test lint format lock bench truth faults rehearse soak clean

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

.venv/installed: requirements-dev.lock pyproject.toml
	@test -x .venv/bin/python || python3 -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	@$(UV) pip sync --quiet --compile-bytecode --python .venv/bin/python --require-hashes requirements-dev.lock
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@.venv/bin/python -m compileall -q schemas service
	@touch $@

run: .venv/installed  ## install, then run the service and its board over a force that does not exist
	.venv/bin/recount run --demo

example: .venv/installed  ## replay the worked example and say what was never recorded
	.venv/bin/recount replay --source examples/one_file.yaml --incidents examples/one_file.csv --rules umd --out $(OUT)

check: lint test  ## install, then every check and test

lint: .venv/installed
	.venv/bin/ruff format --check --quiet .
	.venv/bin/ruff check --quiet .
	.venv/bin/mypy
	.venv/bin/lint-imports

test: .venv/installed
	.venv/bin/pytest -n 2 --dist worksteal

format: .venv/installed  ## format and repair what can be repaired
	.venv/bin/ruff check --fix --quiet .
	.venv/bin/ruff format --quiet .

lock: .venv/installed  ## pin every dependency, with hashes
	$(UV) pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --python-version 3.11 pyproject.toml -o requirements.lock
	$(UV) pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --python-version 3.11 pyproject.toml --extra dev-stack --group dev -o requirements-dev.lock

bench: .venv/installed  ## measure speed; see benchmarks/
	.venv/bin/python -m benchmarks.replay
	.venv/bin/python -m benchmarks.ingest

truth: .venv/installed  ## lay verdicts beside the truth of simulated forces; hours
	.venv/bin/python -m benchmarks.truth

faults: .venv/installed  ## kill, stop and restart everything under load; an hour (RECOUNT_KILLS=50)
	.venv/bin/pytest tests/kafka/test_faults.py tests/kafka/test_scattering.py tests/kafka/faults_at_length.py tests/kafka/answers_at_length.py

rehearse: .venv/installed  ## copy, restore and upgrade while a loaded service runs; some minutes
	.venv/bin/pytest tests/operations/rehearsal.py tests/operations/walk_through.py

soak: .venv/installed  ## half an hour of steady load: does the worker's memory grow?
	.venv/bin/python -m benchmarks.soak

clean:  ## remove what was installed and written
	rm -rf .venv out dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
