"""Users over time. In a process of its own: importing Locust patches the sockets of the one that does."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

LOADTEST = Path(__file__).parents[3] / "loadtest"


@pytest.fixture(scope="module")
def users() -> dict[str, Any]:
    program = (
        "import json, sys\n"
        f"sys.path.append({str(LOADTEST)!r})\n"
        "from _shapes import SHAPES, users_at\n"
        "print(json.dumps({s: [users_at(s, m, 10, 16) for m in range(11)] for s in SHAPES}))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_steady_is_all_of_them_all_the_time(users: dict[str, Any]) -> None:
    assert users["steady"] == [16] * 10 + [None]


def test_a_ramp_goes_up_to_all_of_them(users: dict[str, Any]) -> None:
    assert users["ramp"][:-1] == sorted(users["ramp"][:-1])
    assert (users["ramp"][0], users["ramp"][-2]) == (2, 16)


def test_a_spike_is_in_the_middle(users: dict[str, Any]) -> None:
    assert users["spike"] == [3, 3, 3, 3, 16, 16, 3, 3, 3, 3, None]
