"""Functions of a workspace as tools: one server of botkit's own, with a process for each call that runs."""
