"""Commands that measure this project; results lie beside them as JSON."""
