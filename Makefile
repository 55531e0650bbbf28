# Two commands do everything on a fresh machine: `make demo` and `make test`.
.DEFAULT_GOAL := help
.PHONY: help bootstrap demo test check quick fuzz results screenshots

bin := .venv/bin
# Tests start hundreds of processes; without stored bytecode each compiles every module.
unexport PYTHONDONTWRITEBYTECODE
# Two processes: one for the whole service, one for all else (tests/conftest.py).
pytest := $(bin)/python -m pytest --numprocesses 2 --dist loadscope --no-loadscope-reorder

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

bootstrap: ## make this machine ready (system packages, .venv); quick when it is
	@deploy/bootstrap.sh

demo: bootstrap ## run the main job on a simulated ward, and compare events with the truth
	@$(bin)/wardwatch demo

test: bootstrap ## every test, and the share of the branches that they reach
	@$(pytest) --cov --cov-report= -m "not alone"
	@$(bin)/python -m pytest --cov --cov-append --cov-report=term -m alone

check: bootstrap ## format, lint, types and import rules
	@$(bin)/ruff format --check
	@$(bin)/ruff check
	@$(bin)/mypy
	@$(bin)/lint-imports

quick: bootstrap ## the tests of what watches a ward that need neither Ray nor real footage nor patience
	@$(pytest) --ignore tests/pipelines/lab -m "not ray and not slow and not real"

COUNT ?= 100000
fuzz: bootstrap ## COUNT faulty payloads, and a tenth of it of each kind of text
	@$(bin)/python -m tests.fuzz --payloads $(COUNT) --texts $$(($(COUNT) / 10))

screenshots: bootstrap ## every page of the console, light and dark, desk and phone
	@$(bin)/python -m tests.screenshots out/screenshots

results: bootstrap ## measure on simulated footage that was never trained on
	@$(bin)/wardwatch simulate --out out/results/footage --hours 2 --seed 2026
	@for worn in waist wrist none; do \
		$(bin)/wardwatch evaluate events out/results/footage \
			--wearable $$worn --out out/results/$$worn || exit; \
	done
