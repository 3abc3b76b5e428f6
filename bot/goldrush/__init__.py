"""GoldRush's Pipeline REST API, read only: what it says (`wire`, `refusal`, `body`) and the asking (`client`)."""
