"""The command line: argv → the stages; the only place that prints and exits.

Data goes to stdout, everything else to stderr. All of it goes through one `Screen`, which
masks secrets. A command is a file in `commands`, imported only when it runs.
"""
