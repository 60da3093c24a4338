"""From a written workflow to a graph.

    graph = compile_workflow(config, "refund")      # or ConfigError with every mistake and its place

Whichever way it is written (steps, nodes and edges, the JSON of another program, Python), it becomes `Written`
first: nodes and edges that know where they stand. Checks look at that; `Graph` is what is left of it to run.
"""

from botkit.workflows.define.compile import compile_workflow, graph_of
from botkit.workflows.define.read import read_text, read_workflow
from botkit.workflows.define.written import Written, WrittenEdge, WrittenNode

__all__ = ["Written", "WrittenEdge", "WrittenNode", "compile_workflow", "graph_of", "read_text", "read_workflow"]
