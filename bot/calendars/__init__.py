"""Reads the calendars of schedules: https addresses in the format iCalendar (RFC 5545)."""
