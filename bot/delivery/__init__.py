"""Sends the outbox's messages: owns lanes, obeys rate limits, looks up messages of unknown fate."""
