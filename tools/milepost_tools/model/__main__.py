"""`python -m milepost_tools.model`: what `tools/model` starts."""

from .command import main

main(prog_name="tools/model")
