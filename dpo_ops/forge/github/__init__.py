"""GitHub: its pull requests, issues, artifacts and deployments, over its REST API."""
