"""A study for other tools: event files, MLflow, RO-Crate, and gates as pre-registrations."""
