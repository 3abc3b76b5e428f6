"""A stand-in for Slack: its Web API, Socket Mode, signed HTTP, response URLs and views, with Slack's rules."""
