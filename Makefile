# Two commands do everything: `make app` serves the explorer, `make test` checks it.
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(shell $(name) -c \
  "import sys; sys.version_info >= (3, 11) and print('$(name)')" 2>/dev/null)))
BIN := .venv/bin
PORT ?= 8501

.PHONY: app setup test test-slow load check browser clean

app: setup
	$(BIN)/python -m streamlit run app/serve.py --server.port $(PORT)

setup: .venv/.ready

.venv/.ready: requirements.txt
	@test -n "$(PYTHON)" || { echo "expected Python 3.11 or later: install it, or say where it is: make PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

test: setup browser
	$(BIN)/python -m pytest -m "not slow" --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

test-slow: setup browser
	$(BIN)/python -m pytest -m slow $(ARGS)

# Twenty browsers at once; minutes, on a machine that does nothing else.
load: setup browser
	$(BIN)/python tests/browser/load.py $(ARGS)

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(MAKE) test

# A browser for the tests: Chromium's headless shell, which is twice as fast, from Debian as root; else the system's
# Chromium, else Debian's, else Playwright's own.
INSTALL := [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends
browser: setup
	@command -v chromium-headless-shell >/dev/null || { $(INSTALL) chromium-headless-shell >/dev/null 2>&1; } || \
	command -v chromium >/dev/null || command -v google-chrome >/dev/null || { $(INSTALL) chromium >/dev/null; } || \
	$(BIN)/python -m playwright install $$([ "$$(id -u)" = 0 ] && echo --with-deps) chromium || \
	echo "WARNING: no browser could be installed, the browser tests will be SKIPPED" >&2

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
