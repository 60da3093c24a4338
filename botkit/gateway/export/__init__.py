"""The tools of a workspace in the shapes that language models' own APIs take.

`openai` and `gemini` are pure converters; `routes` serves what they make and takes the models' calls back.
"""
