"""A second implementation of GoldRush and of Slack, reached over sockets, for trials and tests."""
