"""A function: a step of workflows and a tool of bots. Each file runs in a process of its own, without keys."""

from pydantic import BaseModel

from botkit.sdk import function


class Task(BaseModel):
    id: int
    text: str
    done: bool = False


@function(read_only=True)
def urgent_first(tasks: list[Task]) -> list[str]:
    """The texts of open tasks: what is urgent first, then what is older."""
    left = [task for task in tasks if not task.done]
    return [task.text for task in sorted(left, key=lambda task: ("urgent" not in task.text.lower(), task.id))]
