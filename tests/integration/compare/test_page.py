"""The page in a real browser: nothing sticks out at a desktop's and a phone's width, light and dark."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from benchmark.compare.account import account
from benchmark.compare.report import __main__ as again
from benchmark.compare.report import files, page

BROWSER = next(filter(None, map(shutil.which, again.BROWSERS)), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
MEASURE = "<script>document.title = document.documentElement.scrollWidth + ' of ' + window.innerWidth</script>"


@pytest.fixture
def document(make: Callable[[], Any]) -> dict[str, Any]:
    return account(make())


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_sticks_out(document: dict[str, Any], tmp_path: Path, width: int) -> None:
    html = tmp_path / "compare.html"
    html.write_text(page.render(document).replace("</body>", f"{MEASURE}</body>"))
    command = [str(BROWSER), "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    seen = subprocess.run(
        [*command, f"--window-size={width},900", html.as_uri()], capture_output=True, text=True, timeout=60, check=True
    )
    found = re.search(r"<title>(\d+) of (\d+)</title>", seen.stdout)
    assert found
    assert int(found[1]) <= int(found[2])


def test_it_is_light_or_dark_as_the_system_is(document: dict[str, Any], tmp_path: Path) -> None:
    html = tmp_path / "compare.html"
    html.write_text(page.render(document))
    brightness = []
    for dark in (False, True):
        again.shoot(html, tmp_path / "seen.png", 390, 800, dark=dark)
        with Image.open(tmp_path / "seen.png") as seen:
            brightness.append(seen.convert("L").getpixel((2, 2)))
    assert brightness[0] > 240
    assert brightness[1] < 40


def test_the_picture_of_the_top_is_small_and_made_of_the_data_alone(
    document: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files.write(document, tmp_path)
    (tmp_path / "compare.html").unlink()
    picture = tmp_path / "images/compare.png"
    assert again.main([str(tmp_path), "--picture", str(picture)]) == 0
    assert "| gRPC / V2 binary | p50, c=1 |" in capsys.readouterr().out
    assert (tmp_path / "compare.html").exists()
    assert picture.stat().st_size < 250_000
    with Image.open(picture) as seen:
        assert seen.width == again.WIDTH * again.SCALE
        assert seen.height < again.HEIGHT * again.SCALE
