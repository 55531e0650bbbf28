# Two commands do everything on a fresh machine: `make demo` and `make test`.
.DEFAULT_GOAL := help
.PHONY: help bootstrap demo test check quick fuzz results

bin := .venv/bin

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

bootstrap: ## make this machine ready (system packages, .venv); quick when it is
	@deploy/bootstrap.sh

demo: bootstrap ## run the main job on a simulated ward, and compare events with the truth
	@$(bin)/wardwatch demo

test: bootstrap ## every test
	@$(bin)/python -m pytest

check: bootstrap ## format, lint, types and import rules
	@$(bin)/ruff format --check
	@$(bin)/ruff check
	@$(bin)/mypy
	@$(bin)/lint-imports

quick: bootstrap ## the tests that need neither Ray nor real footage nor patience
	@$(bin)/python -m pytest -m "not ray and not slow and not real"

COUNT ?= 100000
fuzz: bootstrap ## COUNT faulty payloads, and a tenth of it of each kind of text
	@$(bin)/python -m tests.fuzz --payloads $(COUNT) --texts $$(($(COUNT) / 10))

results: bootstrap ## measure on simulated footage that was never trained on
	@$(bin)/wardwatch simulate --out out/results/footage --hours 2 --seed 2026
	@for worn in waist wrist none; do \
		$(bin)/wardwatch evaluate events out/results/footage \
			--wearable $$worn --out out/results/$$worn || exit; \
	done
