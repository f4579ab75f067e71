# What people and CI type. Each target sets up all that it needs; see README.md.
.DEFAULT_GOAL := help
PYTEST := .venv/bin/python -m pytest
# One worker for each core: the tests are independent of each other and of their order.
WORKERS ?= auto

.PHONY: help env up test test-all lint format bench soak openapi docs wheel clean

help: ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: ## Make the environment .venv with everything for development
	@scripts/environment dev

up: ## Run a control plane; its kubeconfig is in .solovirt/
	@scripts/environment runtime
	@exec .venv/bin/solovirt up --data-dir .solovirt

test: env ## Run the tests (under five minutes)
	@scripts/test-tools
	$(PYTEST) -n $(WORKERS) --dist loadgroup -m "not slow and not soak"

test-all: env ## Run the tests, the slow end-to-end ones too
	@scripts/test-tools
	@scripts/guest-tools
	$(PYTEST) -n $(WORKERS) --dist loadgroup -m "not soak"

lint: env ## Check format, style, types, spelling and who imports whom
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/codespell server tests docs examples scripts benchmarks migrations README.md CONTRIBUTING.md CHANGELOG.md

format: env ## Format, and mend what can be mended
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: env ## Measure against the budgets
	.venv/bin/python -m benchmarks

soak: env ## Fuzz and kill for a long time
	@scripts/test-tools
	$(PYTEST) -m soak --timeout 3600

openapi: env ## Write openapi/ anew from the kinds
	.venv/bin/solovirt openapi openapi

docs: env ## Write docs/kinds.md anew from what is served
	.venv/bin/python scripts/kinds.py

wheel: env ## Build the wheel into dist/
	.venv/bin/python -m build --no-isolation --wheel

clean: ## Remove what the targets above made
	rm -rf .venv .tools .solovirt dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
