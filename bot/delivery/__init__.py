"""From the outbox to known outcomes: who may send now, the sending, the looking back."""
