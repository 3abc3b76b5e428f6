"""What the services need of the world: one file per port, with its outcomes and errors."""
