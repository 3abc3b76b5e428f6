"""Redis: all data that must outlive the process. Each Lua file is one atomic step."""
