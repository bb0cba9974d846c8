"""`isvc parity`: what of KServe is emulated here, what partly, what not."""

from __future__ import annotations

import dataclasses
import json
from argparse import Namespace

from isvc import parity
from isvc.cli.console import Console
from isvc.cli.get import table
from isvc.explain.rules import KSERVE_VERSION
from isvc.parity import Status


def run(options: Namespace, console: Console) -> int:
    features = parity.load()
    if options.output == "json":
        rows = [dataclasses.asdict(feature) for feature in features]
        console.say(json.dumps({"kserveVersion": KSERVE_VERSION, "features": rows}, indent=2))
    elif options.output == "markdown":
        console.say(parity.markdown(features).rstrip())
    else:
        console.say(f"checked against KServe {KSERVE_VERSION}")
        for status in Status:
            lines = [(one.feature, one.here) for one in features if one.status == status.name.lower()]
            console.say(f"\n{table((status.value.upper(), 'HERE'), lines)}")
    return 0
