"""Sends the messages in the outbox, each of them once.

The dispatcher starts a worker for each lane. A worker holds the lane's lease, obeys the rate limits, and looks up every
message of which it does not know whether it arrived.
"""
