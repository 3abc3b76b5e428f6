"""The proofs that nothing is lost and nothing said twice: each has a make target, and a bounded part in CI."""
