"""`python -m milepost_gateway`: the daemon where its script is not on PATH."""

from .cli import main

if __name__ == "__main__":
    main()
