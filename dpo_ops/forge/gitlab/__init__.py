"""GitLab: its merge requests, issues and artifacts, over its REST API."""
