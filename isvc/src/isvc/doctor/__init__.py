"""Traps that an InferenceService can hold though KServe takes it, each with a stable code, its place and its mend.

findings.py   what a finding is, and the list of codes
checks.py     (pure)  the traps of single containers and components
wiring.py     (pure)  the traps between two of them: ports, protocols, names
examine.py    all of them, and what KServe or this machine refuses besides
"""

from __future__ import annotations

from isvc.doctor.examine import examine
from isvc.doctor.findings import CODES, Code, Finding, Level

__all__ = ["CODES", "Code", "Finding", "Level", "examine"]
