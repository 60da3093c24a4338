"""One small language for conditions and templates: JSON values in, JSON values out, bounded cost, no code.

    evaluate("order.total > 500 and user.roles | contains('vip')", variables)   -> True
    render("Your order {{ order.id }} is {{ order.status | upper }}.", variables) -> "Your order A-1 is SENT."
    render("{{ order.items }}", variables)                                       -> [ … ]

The syntax is Jinja2's, read by Jinja2's parser. The evaluation is not: its sandbox compiles to Python and bounds
neither time nor memory, and it reaches the objects behind the values. Here the tree is walked over plain values,
every operation is paid for from a budget (`budget.py`), and a name either is a variable or does not exist.

Reference for people who write them: `docs/expressions.md`, made by `reference.py` from the filters themselves.
"""

from __future__ import annotations

__all__ = [
    "ExpressionError",
    "ExpressionProblem",
    "check_expression",
    "check_fit",
    "check_template",
    "evaluate",
    "is_template",
    "names_used",
    "render",
    "render_data",
    "template_names",
]

from botkit.workflows.expressions.checking import check_expression, check_fit, check_template
from botkit.workflows.expressions.errors import ExpressionError, ExpressionProblem
from botkit.workflows.expressions.evaluating import evaluate, names_used, render, render_data, template_names
from botkit.workflows.expressions.parsing import is_template
