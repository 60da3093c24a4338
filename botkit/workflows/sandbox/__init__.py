"""Code of a workflow, run where it can do no harm: in a process of its own, with nothing but what it is handed.

`guest` is that process: it holds the engine of a language and speaks JSON lines. `pool` keeps a few of them. Nothing is
imported here, so that the process starts with no more than it needs.
"""
