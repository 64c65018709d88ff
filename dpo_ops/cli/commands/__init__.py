"""One command a file, imported when it runs.

A command imports its stages in its body, so that a help page costs none of them.
"""
