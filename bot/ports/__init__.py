"""The interfaces through which services reach the world. Each file has one port, its outcomes and its errors."""
