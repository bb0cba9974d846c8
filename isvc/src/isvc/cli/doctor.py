"""`isvc doctor`: traps in InferenceService YAML, each with its mend; exit code 1 where one would fail on a cluster."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

from isvc import doctor, manifest, settings
from isvc.cli.console import Console
from isvc.doctor import Finding, Level


def run(options: Namespace, console: Console) -> int:
    documents = manifest.read(options.files, checked=False)
    found = doctor.examine(documents, settings.load(Path.cwd(), options.settings))
    if options.output == "json":
        console.say(json.dumps([_plain(one) for one in found], indent=2))
    else:
        for one in found:
            console.say(str(one))
        errors = sum(one.code.level is Level.ERROR for one in found)
        console.say(f"{errors} errors, {len(found) - errors} warnings (what each code means: docs/doctor.md)")
    return int(any(one.code.level is Level.ERROR for one in found))


def _plain(found: Finding) -> dict[str, object]:
    return {
        "code": found.code.code,
        "name": found.code.name,
        "level": found.code.level.value,
        "file": found.place.file,
        "line": found.place.line,
        "path": found.place.path,
        "message": found.message,
        "fix": found.fix,
    }
