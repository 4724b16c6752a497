VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ELSEWHERE := .venv-integrations
RECIPES := tests/service/api/recipes/constraints.txt
export HF_HUB_OFFLINE ?= 1

.PHONY: install integrations demo test check serve bench clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

integrations: $(ELSEWHERE)/.installed  ## where the recipes for Inspect AI and DeepEval are tested: they want older packages than ours

$(ELSEWHERE)/.installed: $(RECIPES)
	test -x $(ELSEWHERE)/bin/python || $(PYTHON) -m venv $(ELSEWHERE)
	$(ELSEWHERE)/bin/pip install --quiet --disable-pip-version-check --no-compile -c $(RECIPES) inspect-ai deepeval httpx
	touch $@

demo: install  ## documents to personas to debate to stability report, offline
	$(BIN)/rehearing demo

test: install
	$(BIN)/pytest

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive llm clustering agents stability service
	$(BIN)/pytest

serve: install
	$(BIN)/rehearing serve

bench: install
	for program in $(filter-out __init__ model_server simulated_tables,$(basename $(notdir $(wildcard bench/*.py)))); do echo "== $$program"; $(BIN)/python -m bench.$$program || exit 1; done

clean:
	rm -rf $(VENV) $(ELSEWHERE) .rehearing
