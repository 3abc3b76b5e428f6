"""Who is due, read, compare, record; and what people ask of it."""
