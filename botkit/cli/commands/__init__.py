"""One file per command, one folder per group; `botkit.cli.tree` finds them."""
