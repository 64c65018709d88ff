"""Carry out a plan: plan → API calls; waits; events."""
