"""Readers in other processes: the scheduler hands them batches through Taskiq over Redis Streams."""
