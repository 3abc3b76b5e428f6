"""Pagers outside Slack: one file for each service."""
