"""`python -m weaklabel` is `weaklabel`."""

import sys

from weaklabel.cli import main

if __name__ == "__main__":
    sys.exit(main())
