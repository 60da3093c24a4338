"""Files as an index of passages: read, cut, kept in a SQLite file of its own, and searched.

The index is made of the files and of nothing else, so every machine that has them makes its own, and losing it costs
only the time to make it again.
"""

__all__ = ["KnowledgeIndex", "Refreshed"]

from botkit.store.knowledge.index import KnowledgeIndex, Refreshed
