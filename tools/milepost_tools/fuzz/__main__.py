"""`python -m milepost_tools.fuzz`: what `tools/fuzz` starts."""

from .command import main

main(prog_name="tools/fuzz")
