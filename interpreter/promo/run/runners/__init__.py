"""What trains: each runner declares itself without its training library, and trains in a worker process."""
