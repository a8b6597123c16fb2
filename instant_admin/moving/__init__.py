"""From one Instant app to another, with every credit: into a folder while members spend, and out of it."""
