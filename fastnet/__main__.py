"""`python -m fastnet` runs the command `fastnet`."""
import sys

from fastnet.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
