"""The command line: ``python -m nnlayers``, and the console script ``nnlayers``."""

import sys

from nnlayers.cli import main

if __name__ == "__main__":
    sys.exit(main())
