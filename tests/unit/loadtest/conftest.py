"""Makes the modules of loadtest/ importable, as Locust does for its locustfile.

Only those that know nothing of Locust may be imported in a test's process: Locust patches sockets and threads.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[3] / "loadtest"))
