"""Files as an index of passages: read, cut, kept in a SQLite file for each source, and searched.

The index is made of the files and of nothing else, so every machine that has them makes its own, and losing it costs
only the time to make it again; and the price of its vectors, where a model makes such.
"""

__all__ = ["KnowledgeIndex", "Meaning", "Refreshed", "SourceIndex"]

from botkit.store.knowledge.index import Refreshed, SourceIndex
from botkit.store.knowledge.searching import KnowledgeIndex, Meaning
