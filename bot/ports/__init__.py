"""Ports: the interfaces through which services reach the store, the chat, GoldRush and the clock.

Each file has one port, its outcomes and its errors. `bot.workspace` passes in the implementations.
"""
