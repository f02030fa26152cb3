"""The `wps-sam` command: one thin file a verb."""
