"""Conversations as test cases: the shape of the files in `workspace/evals/`, and how they are read."""

from botkit.core.evals.models import (
    Called,
    Case,
    EvalFile,
    Expect,
    Judged,
    Limits,
    Simulated,
    Turn,
)
from botkit.core.evals.reading import EVALS_FOLDER, EvalSuite, Routing, eval_files, read_evals

__all__ = [
    "EVALS_FOLDER",
    "Called",
    "Case",
    "EvalFile",
    "EvalSuite",
    "Expect",
    "Judged",
    "Limits",
    "Routing",
    "Simulated",
    "Turn",
    "eval_files",
    "read_evals",
]
