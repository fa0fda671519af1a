# Milepost, for whoever has python3, git and make: `make demo` shows it, `make test` proves it.
# Options of the demo: make demo DURATION=30 BROKER=mqtt://host:1883
.PHONY: demo test check venv micropython clean

# Three simulated nodes, the gateway and a broker, live; Ctrl-C or DURATION ends it with the ledger.
demo:
	@tools/bootstrap && exec .venv/bin/milepost demo $(if $(DURATION),--duration "$(DURATION)") $(if $(BROKER),--broker "$(BROKER)")

# Format, lint, types, import arrows, sizes, vectors on MicroPython, all tests.
test:
	@tools/check

# The same without the tests: seconds instead of minutes.
check:
	@tools/check --fast

# The environment alone, with what tests need.
venv:
	@tools/bootstrap --tests --only venv

# A real MicroPython unix port alone.
micropython:
	@tools/bootstrap --only micropython

# Everything that was made here, nothing that was written.
clean:
	rm -rf .venv .toolchain .pytest_cache .mypy_cache .ruff_cache .hypothesis dist build
