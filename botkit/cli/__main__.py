"""`python -m botkit.cli`: the same command where the script is not on the path."""

from botkit.cli import main

main()
