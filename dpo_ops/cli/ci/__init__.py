"""What CI runs: the stages as a pull request, a merge and a schedule need them."""
