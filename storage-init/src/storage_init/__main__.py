"""`python -m storage_init`: the same as `storage-init`."""

from __future__ import annotations

import sys

from storage_init.cli import main

sys.exit(main())
