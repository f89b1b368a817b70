# Every static check, one after another; all of them run, and the first to fail decides the exit code.
failed=0
step() {
    printf '\n== %s\n' "$*"
    "$@" || failed=1
}
step ruff check .
step ruff format --check .
step mypy
step basedpyright
step lint-imports
step python -m pytest -q tests/architecture tests/typing
exit "$failed"
