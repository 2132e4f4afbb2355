"""The first places of a ranking without planning every model: branch and bound, explained in docs/architecture.md (The search behind `recommend`)."""
