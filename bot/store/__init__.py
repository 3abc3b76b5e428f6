"""Redis: everything that must outlive the process. One Lua file an atomic step."""
