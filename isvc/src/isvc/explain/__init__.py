"""What an InferenceService comes to: what its YAML says, what KServe would run, what runs here, and by which rule.

rules.py     the rules, each with its upstream file
kserve.py    (pure)  the containers that KServe would run
here.py      (pure)  the units that run here, as the same kind of value
compare.py   (pure)  the three side by side
secrets.py   (pure)  what Secrets say is not shown
"""

from __future__ import annotations

from isvc.explain import rules
from isvc.explain.compare import Row, compare
from isvc.explain.here import here, here_contained
from isvc.explain.kserve import Container, containers
from isvc.explain.rules import RULES, Rule

__all__ = [
    "RULES",
    "Container",
    "Row",
    "Rule",
    "compare",
    "containers",
    "here",
    "here_contained",
    "rules",
]
