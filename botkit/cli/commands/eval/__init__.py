"""Try conversations as test cases, and compare two versions of a bot.

`botkit eval [FILE…]` runs evaluations; `botkit eval compare` compares.
"""
