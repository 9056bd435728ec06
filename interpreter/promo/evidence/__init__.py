"""Results to tables: for one stage, every candidate's value in every cell."""
