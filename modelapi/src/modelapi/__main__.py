"""`python -m modelapi run ...`: the same as `modelapi run ...`."""

import sys

from modelapi.cli import main

if __name__ == "__main__":
    sys.exit(main())
