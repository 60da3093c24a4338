"""What can be said about a workflow before it runs; see `botkit.workflows.check`."""
