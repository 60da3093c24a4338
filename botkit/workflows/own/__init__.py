"""Node types an operator wrote in `workspace/nodes/`: loaded and run in processes of their own, never in botkit's.

`worker` is that process, `describing` asks one what there is, `host` keeps them and speaks for the nodes in them,
`proxy` is how such a node looks to the runner.
"""
