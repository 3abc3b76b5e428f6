"""Everything about Slack: interactions come in, features answer them, messages go out."""
