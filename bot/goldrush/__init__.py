"""GoldRush's Pipeline REST API, read only: `client` asks; `body`, `wire` and `refusal` understand the answer."""
