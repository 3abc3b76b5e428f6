"""Pictures of every message, form and page of the bot, taken in the sandbox for people to look at."""
