"""`python -m milepost_tools.soak`: what `tools/soak` starts."""

from .command import main

main(prog_name="tools/soak")
