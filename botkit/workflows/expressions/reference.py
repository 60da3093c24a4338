"""`docs/expressions.md`, made from the filters themselves: `python -m botkit.workflows.expressions.reference`."""

from __future__ import annotations

__all__ = ["reference_markdown"]

from botkit.workflows.expressions.budget import ITEMS_LIMIT, TEXT_LIMIT
from botkit.workflows.expressions.functions import FUNCTIONS, load_functions
from botkit.workflows.expressions.parsing import SOURCE_LIMIT

_INTRODUCTION = f"""\
# Expressions and templates

Conditions and texts of workflows are written in one small language. It reads variables, it never changes them; it
has no statements that run code, reaches no files and no network, and every evaluation has a bounded cost.

| where | how it is written | what it gives |
|---|---|---|
| a condition | `order.total > 500` | the value |
| a text with one expression | `"{{{{ order.items }}}}"` | the value itself: a list stays a list |
| any other text | `"Your order {{{{ order.id }}}} is on its way"` | text |

The syntax is that of Jinja2. What a person wrote stands in a variable, and a variable's value is never read as a
template: braces in a message are just braces.

## Values

Text `'so'` or `"so"`, numbers `12` and `2.5`, `true`, `false`, `null`, lists `[1, 2]`, objects `{{'a': 1}}`. In text,
`\\n`, `\\t`, `\\\\`, `\\'`, `\\"` and `\\u00e4` are escapes; any other backslash stays, so patterns are written
plainly: `'^A-\\d+$'`.

`order.customer.name` and `order['customer']` are fields, `order.items[0]` and `order.items.0` items, `[-1]` the last.
A field is always the field of the data, also when it is called `items` or `keys`.

A name or field that does not exist is an error that names the nearest one. Where something may be missing, say so:
`order.coupon | default('none')`, `exists(order.coupon)`, `order.coupon is defined`, `empty(order.coupon)`.

## Operators

| operators | on | |
|---|---|---|
| `+ - * / // %` | numbers | `+` also joins two texts or two lists |
| `~` | anything | joins as text |
| `== !=` | anything | by value; `1` equals `1.0` but not `'1'` and not `true` |
| `< <= > >=` | two numbers, two texts, two dates | chains: `1 < n < 5` |
| `in`, `not in` | text, list, object | exact; `contains` ignores upper and lower case |
| `and`, `or`, `not` | anything | false are `false`, `null`, `0`, empty text, lists and objects |
| `a if test else b` | | without `else`: `null` |
| `value is test` | | any filter below that gives a boolean, such as `is empty`, `is matches('^A')` |

Where people of other languages look for: *contains* `text | contains('x')`, *starts with* `text | startswith('x')`,
*ends with* `endswith`, *matches* `text | matches('^x')`, *one of* `x in ['a', 'b']`, *exists* `exists(x)`, *is empty*
`x is empty`.

A filter can be written `value | filter(arguments)` or `filter(value, arguments)`. It binds tighter than any operator:
`a + b | round` rounds `b`.

## Tags in texts

```
{{% if order.total > 500 %}}Somebody will look at it.{{% elif order.paid %}}Done.{{% else %}}Please pay.{{% endif %}}
{{% for item in order.items if item.price > 10 %}}
{{{{ loop.index }}}}. {{{{ item.name }}}}
{{% else %}}
Nothing in it.
{{% endfor %}}
```

A line with one tag and nothing else leaves no empty line; `{{%-` and `-%}}` remove the white space beside them. Inside
a loop there are `loop.index` (from 1), `loop.index0`, `loop.first`, `loop.last` and `loop.length`. Braces that are
meant as such stand in `{{% raw %}} … {{% endraw %}}`. There are no other tags.

In a text `null` is nothing, `12.0` is `12`, and lists and objects are JSON.

## Limits

{SOURCE_LIMIT:,} characters of an expression or text, {TEXT_LIMIT:,} of what it makes, {ITEMS_LIMIT:,} items
of any list, whole numbers of 64 bits, and a number of operations after which it ends with an error; all are the same
on every machine. Patterns are those of RE2: everything but look-around and back-references, in time that grows with
the text and no faster. There is no clock and no chance in it: a replayed run sees the same values.

## Errors

An expression fails with one error, code `expression`, at the node where it stands. It names the place, the reason and
a way out, and no values:

```
`order` has no field `totl` (column 7 of `order.totl > 500`); did you mean `total`?
```

# Filters

The examples use an order of two items; each of them is run by the tests.
"""


def reference_markdown() -> str:
    """The whole page."""
    load_functions()
    parts = [_INTRODUCTION]
    groups: dict[str, list[str]] = {}
    for function in sorted(FUNCTIONS.values(), key=lambda each: each.name):
        usage, example, gives = (
            text.replace("|", "\\|") for text in (function.usage, function.example, function.gives)
        )
        about = " ".join(function.about.split()).replace("|", "\\|")
        row = f"| `{_shown(usage)}` | {about} | `{_shown(example)}` → `{_shown(gives)}` |"
        groups.setdefault(function.group, []).append(row)
    head = "| filter | | example |\n|---|---|---|\n"
    parts += [f"## {group}\n\n{head}{chr(10).join(groups[group])}\n" for group in sorted(groups)]
    return "\n".join(parts)


def _shown(text: str) -> str:
    return text.replace("\n", "\\n").replace("\u00a0", " ")


if __name__ == "__main__":
    import sys

    sys.stdout.write(reference_markdown())
