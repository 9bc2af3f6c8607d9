"""`python -m mta_core`."""

import sys

from mta_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
