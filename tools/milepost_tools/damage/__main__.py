"""`python -m milepost_tools.damage`: what `tools/damage` starts."""

from .command import main

main(prog_name="tools/damage")
