# What CI runs, one recipe a step. `just check` before you push.

uv := "uv run"

check: lint types imports test

lint:
    {{uv}} ruff check
    {{uv}} ruff format --check

types:
    {{uv}} --group browser pyright

imports:
    {{uv}} lint-imports

test *args:
    {{uv}} pytest {{args}}

# Slow proofs by name: kills, soak, load, browser.
chaos:
    {{uv}} pytest -m chaos

slow:
    {{uv}} pytest -m slow

interop:
    {{uv}} pytest -m interop

browser:
    {{uv}} --group browser pytest -m browser

bench *args:
    {{uv}} --group bench python -m benchmarks {{args}}
