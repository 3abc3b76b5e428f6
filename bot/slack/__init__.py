"""Slack: what people type and click, how everything reads, and the posting."""
