"""The base model that comes along: its weights, the text it was made from, and the script.

`python -m dpo_ops.trainers.tiny.make OUT` makes it anew; README.md beside this file is its card.
"""
