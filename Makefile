# Two commands do everything: `make app` serves the explorer, `make test` checks it.
PYTHON ?= python3
BIN := .venv/bin
PORT ?= 8501

.PHONY: app setup test test-slow check browser clean

app: setup
	$(BIN)/python -m streamlit run app/serve.py --server.port $(PORT)

setup: .venv/.ready

.venv/.ready: requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

test: setup browser
	$(BIN)/python -m pytest -m "not slow" $(ARGS)

test-slow: setup browser
	$(BIN)/python -m pytest -m slow $(ARGS)

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(MAKE) test

# A browser for the tests: the system's if there is one, else Debian's as root, else Playwright's own.
browser: setup
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
	{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; } || \
	$(BIN)/python -m playwright install chromium || \
	echo "WARNING: no browser could be installed, the browser tests will be SKIPPED" >&2

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
