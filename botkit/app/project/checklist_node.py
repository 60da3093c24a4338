"""A node type: a step of workflows with fields and edges of its own. It is checked and drawn like botkit's."""

from botkit.sdk.nodes import Node, NodeContext, Outcome, node


@node("checklist")
class Checklist(Node):
    """Write items one below the other, each with a box."""

    handles = {"default": "there are items", "empty": "there are none"}

    title: str
    """What stands above them."""
    items: list[str]
    """What there is to do."""

    async def run(self, ctx: NodeContext) -> Outcome:
        if not self.items:
            return Outcome("empty")
        return Outcome(output="\n".join([self.title, *(f"☐ {item}" for item in self.items)]))
