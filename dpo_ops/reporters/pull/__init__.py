"""What a plan, and what came of it, look like on a pull request. Pure: strings in, strings out."""
