"""Test files that other tests run as programs of their own; pytest does not collect them by itself."""
