"""The workspace stand-in: Slack's Web API, Socket Mode, signed HTTP, response URLs and views, with Slack's rules."""
