"""`python -m benchmark.compare.report`: the forms of a report again, and a picture of its top, from its compare.json.

The picture is what a headless Chromium shows of the verdict and the latencies. Exit codes: 0 done; 2 bad input.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops

from benchmark.compare.report import files, page, plain

RESULTS = Path(__file__).parents[2] / "results"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
WIDTH, HEIGHT, SCALE = 1080, 1600, 1.5
_COLOURS = 128
_SECONDS = 60.0


class BadInput(Exception):
    """There is nothing to make it of, or with; the message says what to do."""


def main(argv: Sequence[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    try:
        document = _document(args.folder / files.DATA)
        made = files.write(document, args.folder)
        if args.picture is not None:
            picture(document, args.picture)
            print(f"picture: {args.picture} ({args.picture.stat().st_size >> 10} KB)", file=sys.stderr)
    except BadInput as exc:
        print(f"report: {exc}", file=sys.stderr)
        return 2
    print(f"report: {made}", file=sys.stderr)
    print(plain.markdown(document), end="")
    return 0


def picture(document: dict[str, Any], file: Path) -> None:
    """The top of the page as a PNG with few colours. Raises BadInput."""
    with tempfile.TemporaryDirectory(prefix="compare-") as folder:
        text, taken = Path(folder) / "top.html", Path(folder) / "top.png"
        text.write_text(page.top(document), encoding="utf-8")
        shoot(text, taken, WIDTH, HEIGHT, SCALE)
        with Image.open(taken) as whole:
            cut = _without_the_empty_rest(whole.convert("RGB"))
        file.parent.mkdir(parents=True, exist_ok=True)
        cut.quantize(_COLOURS).save(file, optimize=True)


def shoot(html: Path, png: Path, width: int, height: int, scale: float = 1.0, dark: bool = False) -> None:
    """A page as a browser of this size shows it. Raises BadInput."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise BadInput(f"a picture takes a browser, one of {', '.join(BROWSERS)}, and none is installed")
    scheme = ["--blink-settings=preferredColorScheme=0"] if dark else ["--blink-settings=preferredColorScheme=1"]
    command = [
        *(browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *scheme),
        *(f"--force-device-scale-factor={scale:g}", f"--window-size={width},{height}", f"--screenshot={png}"),
        html.resolve().as_uri(),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as exc:
        raise BadInput(f"{browser} made no picture within {_SECONDS:g} s") from exc
    if done.returncode or not png.exists():
        raise BadInput(f"{browser} made no picture: {done.stderr.strip()[-200:]}")


def _without_the_empty_rest(whole: Image.Image) -> Image.Image:
    """Up to where something stands, and a margin."""
    paper = Image.new("RGB", whole.size, whole.getpixel((0, 0)))
    _, _, _, bottom = ImageChops.difference(whole, paper).getbbox() or (0, 0, 0, whole.height)
    return whole.crop((0, 0, whole.width, min(whole.height, bottom + round(24 * SCALE))))


def _document(file: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except OSError as exc:
        raise BadInput(f"{file}: {exc.strerror}; `make compare` writes it") from exc
    except ValueError as exc:
        raise BadInput(f"{file} is no JSON: {exc}") from exc
    if not isinstance(document, dict) or document.get("format") != 2:
        raise BadInput(f"{file} is no report of this version: measure again with `make compare`")
    return document


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmark.compare.report", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=RESULTS, help="where compare.json is (%(default)s)")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="write a PNG of the report's top")
    return parser


if __name__ == "__main__":
    sys.exit(main())
