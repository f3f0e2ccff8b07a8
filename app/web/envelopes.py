"""Results of the service as the envelopes of the contract."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from app.engine.explain import Explanation
from app.engine.gradcheck import Check
from app.service.answers import told
from app.service.prospect import Prospect
from app.web.problems import fault


def shapes_envelope(prospect: Prospect, limit_bytes: int) -> dict[str, Any]:
    """Return what every layer would do; illegal ones tell what is wrong and what is legal."""
    layers = []
    for report in prospect.reports:
        errors = [
            fault(error, "layers", report.index) | {"legal": error.legal}
            for error in prospect.faults.get(report.index, ())
        ]
        layers.append(
            told(report)
            | {
                "formula": report.formula,
                "working_bytes": report.working_bytes,
                "legal": report.legal,
                "errors": errors,
            }
        )
    return {
        "input": {"shape": prospect.input_shape},
        "layers": layers,
        "estimated": prospect.peak_bytes,
        "limit": limit_bytes,
    }


def explain_envelope(explanation: Explanation) -> dict[str, Any]:
    """Return every term of one number, both factors of each with their positions."""
    # By hand: asdict() would copy every number of thousands of terms.
    terms = [
        {
            "left": vars(term.left),
            "right": vars(term.right),
            "product": term.product,
            "padding": term.padding,
        }
        for term in explanation.terms
    ]
    return {**vars(explanation), "terms": terms}


def gradcheck_envelope(wrt: str, step: float, checks: Sequence[Check]) -> dict[str, Any]:
    """Return each element computed in two ways, and whether all of them agree."""
    return {
        "wrt": wrt,
        "step": step,
        "verdict": "fail" if any(check.verdict == "fail" for check in checks) else "pass",
        "checks": [asdict(check) for check in checks],
    }
